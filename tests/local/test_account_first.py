"""The account's stack comes before every environment, and goes after all of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import cli, stacks
from local.console import LocalCloudError
from local.paths import Folders
from local.stacks import Stack
from tests.local.conftest import script

URN = "urn:pulumi:account::aussie-markets::aws:route53/zone:Zone::zone"


@dataclass
class Cloud:
    """What the commands find, and what they did."""

    is_up: bool = False
    lost: bool = False
    codes: dict[str, int] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)


@dataclass
class Opened:
    name: str
    cloud: Cloud

    def run(self, word: str, *_: str) -> int:
        self.cloud.runs.append(f"{word} {self.name}")
        return self.cloud.codes.get(self.name, 0)

    def was_brought_up(self) -> bool:
        return self.cloud.is_up

    def others_with_resources(self) -> list[str]:
        return self.cloud.others

    def resources(self) -> list[dict[str, Any]]:
        return []

    def last_changes(self) -> dict[str, int]:
        return {}


@pytest.fixture
def cloud(where: Folders, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    assert where.root
    cloud = Cloud()

    @contextmanager
    def opened(name: str) -> Iterator[Opened]:
        yield Opened(name, cloud)

    monkeypatch.setattr(cli, "_opened", opened)
    monkeypatch.setattr(cli, "_rebuild_if_emulator_is_new", lambda _: None)
    monkeypatch.setattr(cli, "_held_by_running_emulator", lambda _: not cloud.lost)
    monkeypatch.setattr(cli, "_print_summary", lambda _: None)
    monkeypatch.setattr(cli, "_failed", lambda _, __, code: code)
    return cloud


def test_it_is_brought_up_first_and_said(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.up("staging") == 0
    assert cloud.runs == ["up account", "up staging"]
    assert "staging: the account stack comes first, and is not up" in capsys.readouterr().err


def test_a_preview_of_an_environment_needs_it_too(cloud: Cloud) -> None:
    assert cli.preview("production") == 0
    assert cloud.runs == ["up account", "preview production"]


def test_it_is_left_alone_where_it_is_up(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.is_up = True
    assert cli.up("staging") == 0
    assert cloud.runs == ["up staging"]
    assert "account" not in capsys.readouterr().err


def test_it_is_brought_up_again_when_the_emulator_lost_it(cloud: Cloud) -> None:
    cloud.is_up = cloud.lost = True
    assert cli.up("staging") == 0
    assert cloud.runs == ["up account", "up staging"]


def test_nothing_is_begun_where_it_fails(cloud: Cloud) -> None:
    cloud.codes["account"] = 255
    with pytest.raises(LocalCloudError, match="staging was not begun, since it needs the account"):
        cli.up("staging")
    assert cloud.runs == ["up account"]


def test_it_needs_no_other_before_itself(cloud: Cloud) -> None:
    assert cli.up("account") == 0
    assert cloud.runs == ["up account"]


def test_it_stays_while_others_build_on_it(cloud: Cloud) -> None:
    cloud.others = ["production", "staging"]
    with pytest.raises(LocalCloudError) as failure:
        cli.down("account")
    assert "nothing was destroyed" in str(failure.value)
    assert "`make down STACK=production`, `make down STACK=staging`" in str(failure.value)
    assert cloud.runs == []


# -- what the state says ---------------------------------------------------------------------


@pytest.fixture
def account(where: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose pulumi answers with the file `history`, and notes what it is asked for."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "Pulumi.yaml").write_text(
        yaml.safe_dump({"name": "a-project", "config": {"secrets": {"type": "object"}}})
    )
    for name in ("account", "staging"):
        (repository / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    monkeypatch.setattr(stacks, "REPOSITORY", repository)
    here = tmp_path / "fake"
    script(here / "pulumi", f'echo "$@" >> {here}/calls; cat {here}/history 2>/dev/null || true')
    monkeypatch.setenv("PATH", f"{here}:/usr/bin:/bin")
    return Stack("account", where, {"PATH": f"{here}:/usr/bin:/bin"})


def write_state(stack: Stack, name: str, *resources: dict[str, str]) -> None:
    path = stack.state_file.with_name(f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"kind": "update", "result": "succeeded"}], True),
        ([{"kind": "update", "result": "failed"}], False),
        ([{"kind": "destroy", "result": "succeeded"}], False),
        ([{"kind": "refresh", "result": "succeeded"}], False),
        ([], False),
    ],
)
def test_it_is_up_once_an_update_ended_well(
    account: Stack, tmp_path: Path, operations: list[dict[str, str]], expected: bool
) -> None:
    (tmp_path / "fake" / "history").write_text(json.dumps(operations))
    assert not account.was_brought_up(), "there is nothing in it"
    write_state(account, "account", {"urn": URN, "id": "Z1"})
    assert account.was_brought_up() is expected


def test_others_are_those_with_something_in_their_state(account: Stack) -> None:
    assert account.others_with_resources() == []
    write_state(account, "account", {"urn": URN, "id": "Z1"})
    write_state(account, "production", {"urn": "a", "id": "1"})
    write_state(account, "staging", {"urn": "a", "id": "1"})
    write_state(account, "demo")
    assert account.others_with_resources() == ["production", "staging"]


def test_no_secrets_are_made_for_it(account: Stack, tmp_path: Path) -> None:
    account.prepare()
    calls = (tmp_path / "fake" / "calls").read_text()
    assert "stack init account" in calls
    assert "config" not in calls.replace("--config-file", "")
    Stack("staging", account.folders, account.environment).prepare()
    assert "config set-all" in (tmp_path / "fake" / "calls").read_text()
