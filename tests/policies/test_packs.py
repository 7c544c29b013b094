"""The packs as the engine meets them: folders that answer what they contain."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from tests.policies.harness import PACKS, PACKS_FOLDER

NAMES = ["access", "availability", "encryption", "retention"]


def catalogue(pack: Path) -> dict[str, tuple[str, set[str]]]:
    """Scope and references by rule, from the table of a pack's README."""
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| ([^|]*) \| ([^|]*) \| [^|]+ \|$",
        (pack / "README.md").read_text(),
        re.MULTILINE,
    )
    return {
        name: (scope, set(found.replace("CIS ", "").split(", ")) - {"-"})
        for name, found, scope in rows
    }


@contextmanager
def served(pack: Path) -> Iterator[Any]:
    """A pack run as the language host runs it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "."]
    with subprocess.Popen(command, cwd=pack, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.kill()


def test_there_are_four_packs() -> None:
    assert [pack.name for pack in PACKS] == NAMES


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_a_pack_serves_exactly_its_rules(pack: Path) -> None:
    with served(pack) as analyzer:
        info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=30, wait_for_ready=True)
    assert info.name == f"aussie-markets-{pack.name}"
    rules = catalogue(pack)
    assert sorted(policy.name for policy in info.policies) == sorted(rules)
    for policy in info.policies:
        assert policy.enforcementLevel == analyzer_pb2.MANDATORY
        assert policy.severity != analyzer_pb2.POLICY_SEVERITY_UNSPECIFIED
        assert policy.description.endswith(".")
        assert policy.remediation_steps.endswith(".")
        assert "exemptions" in policy.configSchema.properties
        scope, references = rules[policy.name]
        assert set(policy.tags) == {scope, *references}, policy.name


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_a_published_pack_is_whole(pack: Path, tmp_path: Path) -> None:
    """Publishing stores what links point to, in a folder of another name."""
    published = tmp_path / "package"
    published.mkdir()
    for path in pack.iterdir():
        if path.is_file():
            (published / path.name).write_bytes(path.read_bytes())
    with served(published) as analyzer:
        info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=30, wait_for_ready=True)
    assert {policy.name for policy in info.policies} == set(catalogue(pack))


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_a_pack_shares_one_declaration_of_rules(pack: Path) -> None:
    assert (pack / "rule.py").samefile(PACKS_FOLDER / "shared" / "rule.py")
    assert (pack / "rule.py").is_symlink()
    for shared in (PACKS_FOLDER / "shared").glob("*.py"):
        assert not (pack / shared.name).exists() or (pack / shared.name).samefile(shared)
    assert yaml.safe_load((pack / "PulumiPolicy.yaml").read_text())["runtime"] == "python"


def test_packs_ask_for_the_sdk_that_the_program_has() -> None:
    pinned = (PACKS_FOLDER.parent / "requirements.txt").read_text().splitlines()
    for pack in PACKS:
        assert set((pack / "requirements.txt").read_text().splitlines()) <= set(pinned)
