"""What a stack of the local cloud is given, and what a killed run left is put right."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from local import stacks
from local.console import LocalCloudError
from local.emulators import Emulators
from local.paths import LOCAL_DIR, REPOSITORY, Folders
from local.providers.aws.journal import Journal
from local.servers import Server
from local.stacks import Stack, environment, require_stack, write_launchers
from tests.local.conftest import script

PLUGINS = {
    "pulumi-resource-aws": "local.providers.aws",
    "pulumi-resource-awsx": "local.providers.awsx",
    "pulumi-language-python": "local.language_host",
}
EMULATORS = Emulators(Server(1, 5678, "aws"), Server(2, 5679, "aws.functions"))
URN = "urn:pulumi:staging::aussie-markets::aws:ec2/vpc:Vpc::main"

FAKE_PULUMI = """\
here="${0%/*}"
echo "$@" >> "$here/calls"
case "$*" in
*"stack export"*) cat "$here/export.json" ;;
*"stack import"*) cat > "$here/import.json" ;;
*"stack history"*) echo "error: no history" >&2; exit 255 ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a project with the stacks staging and production."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "Pulumi.yaml").write_text("name: a-project\nruntime: python\n")
    commit(repository, "staging", {"a-project:zones": 2})
    commit(repository, "production", {})
    monkeypatch.setattr(stacks, "REPOSITORY", repository)
    return repository


@pytest.fixture
def on_path(tmp_path: Path) -> Path:
    """A folder with a pulumi that notes what it is asked for."""
    script(tmp_path / "on-path" / "pulumi", FAKE_PULUMI)
    return tmp_path / "on-path"


@pytest.fixture
def staging(where: Folders, repository: Path, on_path: Path) -> Stack:
    assert repository.exists()
    path = os.pathsep.join([str(on_path), os.environ["PATH"]])
    return Stack("staging", where, {"PATH": path})


def commit(repository: Path, stack: str, config: dict[str, Any]) -> Path:
    path = repository / f"Pulumi.{stack}.yaml"
    path.write_text(yaml.safe_dump({"config": config}))
    return path


def calls(on_path: Path) -> list[str]:
    record = on_path / "calls"
    return record.read_text().splitlines() if record.exists() else []


def write_state(stack: Stack, **latest: Any) -> None:
    stack.state_file.parent.mkdir(parents=True, exist_ok=True)
    stack.state_file.write_text(json.dumps({"checkpoint": {"latest": latest}}))


def write_lock(stack: Stack, name: str, process: int) -> Path:
    folder = stack.folders.state / ".pulumi" / "locks" / "organization" / stack.project / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "0b5c.json"
    path.write_text(json.dumps({"pid": process, "username": "somebody"}))
    return path


def dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_the_environment_takes_over_nothing_of_aws_pulumi_or_make(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = environment(where, EMULATORS)
    for name in [
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ENDPOINT_URL_S3",
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_BACKEND_URL",
        "PULUMI_HOME",
        "PULUMI_STACK",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "PULUMI_OPTION_CONFIG_FILE",
        "MAKEFLAGS",
        "MFLAGS",
    ]:
        monkeypatch.setenv(name, "https://of.the.user")
    assert environment(where, EMULATORS) == clean


def test_the_environment_has_endpoints_on_the_loopback_only(where: Folders) -> None:
    given = environment(where, EMULATORS)
    endpoints = {name: url for name, url in given.items() if name.startswith("AWS_ENDPOINT_URL")}
    assert endpoints == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5678",
        "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:5679",
        "AWS_ENDPOINT_URL_SCHEDULER": "http://127.0.0.1:5679",
    }
    ours = {name: value for name, value in given.items() if name.startswith(("AWS_", "PULUMI_"))}
    urls = {name: urlsplit(value) for name, value in ours.items() if "://" in value}
    assert {name for name, url in urls.items() if url.scheme != "file"} == endpoints.keys()
    assert Path(urls["PULUMI_BACKEND_URL"].path) == where.state


def test_the_environment_keeps_what_is_the_users_and_puts_our_launchers_first(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "ed")
    monkeypatch.setenv("PATH", "/of/the/user")
    given = environment(where, EMULATORS)
    assert given["EDITOR"] == "ed"
    assert given["PATH"].split(os.pathsep) == [str(where.bin), "/of/the/user"]
    assert given[LOCAL_DIR] == str(where.root)


def test_a_new_stack_gets_a_copy_of_its_file_and_a_state(staging: Stack, on_path: Path) -> None:
    staging.prepare()
    assert yaml.safe_load(staging.config_file.read_text()) == {"config": {"a-project:zones": 2}}
    assert (staging.folders.project / "Pulumi.yaml").exists()
    assert calls(on_path) == [
        f"-C {staging.folders.project} stack init staging --non-interactive",
    ]


def test_a_stack_with_a_state_is_not_made_again(staging: Stack, on_path: Path) -> None:
    write_state(staging)
    staging.prepare()
    assert calls(on_path) == []


def test_the_copy_keeps_its_salt_and_takes_over_changes_of_the_committed_file(
    staging: Stack, repository: Path
) -> None:
    staging.prepare()
    with staging.config_file.open("a") as copy:
        copy.write("encryptionsalt: v1:salt\n")
    committed = commit(repository, "staging", {"a-project:nat": "single"})
    text = committed.read_text()
    staging.prepare()
    assert yaml.safe_load(staging.config_file.read_text()) == {
        "config": {"a-project:nat": "single"},
        "encryptionsalt": "v1:salt",
    }
    assert committed.read_text() == text


def test_an_empty_committed_file_is_a_stack_without_config(
    staging: Stack, repository: Path
) -> None:
    (repository / "Pulumi.staging.yaml").write_text("# all defaults\n")
    staging.prepare()
    assert yaml.safe_load(staging.config_file.read_text()) == {}


@pytest.mark.usefixtures("repository")
def test_an_unknown_stack_is_refused_and_those_that_exist_are_listed() -> None:
    require_stack("staging")
    with pytest.raises(LocalCloudError) as failure:
        require_stack("nope")
    assert "there is no stack 'nope': Pulumi.nope.yaml does not exist" in str(failure.value)
    assert "use one of production, staging" in str(failure.value)


def test_the_loopback_needs_no_proxy(where: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:9")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.delenv("no_proxy", raising=False)
    given = environment(where, EMULATORS)
    assert given["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert given["no_proxy"] == "127.0.0.1,localhost"


def test_a_lock_whose_writing_was_cut_off_is_taken_away(staging: Stack) -> None:
    path = staging.folders.state / ".pulumi/locks/organization/a-project/staging/cut-off.json"
    path.parent.mkdir(parents=True)
    path.touch()
    staging.clean_up()
    assert not path.exists()


def test_a_pulumi_that_fails_out_of_sight_is_quoted(staging: Stack) -> None:
    with pytest.raises(LocalCloudError, match=r"`pulumi stack history .*` failed: error: no hist"):
        staging.last_changes()


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, empty: no official language host."""
    folder = tmp_path / "bare"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    return script(tmp_path / "engine" / "pulumi-v3", 'echo "$$ engine: $*"')


@pytest.mark.usefixtures("bare_path")
def test_launchers_become_this_interpreter_with_the_module_of_the_plugin(
    where: Folders, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = script(tmp_path / "a venv" / "python", 'echo "$$ $* $PYTHONPATH"')
    monkeypatch.setattr(sys, "executable", str(python))
    write_launchers(where, engine)
    for name, module in PLUGINS.items():
        with subprocess.Popen(
            [where.bin / name, "127.0.0.1:1"],
            cwd=tmp_path,
            env={"PYTHONPATH": "of-the-user"},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            said, _ = process.communicate(timeout=10)
        modules = f"{REPOSITORY}{os.pathsep}of-the-user"
        # The same process, so that the engine's signals reach the plugin.
        assert said == f"{process.pid} -m {module} 127.0.0.1:1 {modules}\n"


@pytest.mark.usefixtures("bare_path")
def test_the_pulumi_launcher_becomes_the_engine(where: Folders, engine: Path) -> None:
    write_launchers(where, engine)
    with subprocess.Popen(
        [where.bin / "pulumi", "up", "--yes"], stdout=subprocess.PIPE, text=True
    ) as process:
        said, _ = process.communicate(timeout=10)
    assert said == f"{process.pid} engine: up --yes\n"


@pytest.mark.usefixtures("bare_path")
def test_launchers_that_are_as_they_should_be_are_not_rewritten(
    where: Folders, engine: Path
) -> None:
    def files() -> dict[str, tuple[int, int]]:
        return {
            path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in where.bin.iterdir()
        }

    write_launchers(where, engine)
    before = files()
    assert set(before) == {*PLUGINS, "pulumi"}
    write_launchers(where, engine)
    assert files() == before


@pytest.mark.usefixtures("bare_path")
def test_launchers_of_another_interpreter_are_replaced(
    where: Folders, engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/of/an/old/venv/python")
        write_launchers(where, engine)
    write_launchers(where, engine)
    for name in PLUGINS:
        text = (where.bin / name).read_text()
        assert sys.executable in text
        assert "/of/an/old/venv" not in text


def test_an_official_language_host_on_path_is_left_its_work(
    where: Folders, engine: Path, bare_path: Path
) -> None:
    write_launchers(where, engine)
    script(bare_path / "pulumi-language-python", "exit 0")
    write_launchers(where, engine)
    assert not (where.bin / "pulumi-language-python").exists()


@pytest.mark.usefixtures("bare_path")
def test_an_official_language_host_beside_the_engine_is_left_its_work(
    where: Folders, engine: Path, tmp_path: Path
) -> None:
    script(engine.parent / "pulumi-language-python", "exit 0")
    link = tmp_path / "pulumi"
    link.symlink_to(engine)
    write_launchers(where, link)
    assert not (where.bin / "pulumi-language-python").exists()


def test_our_own_language_host_on_path_is_not_taken_for_the_official_one(
    where: Folders, engine: Path, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_launchers(where, engine)
    monkeypatch.setenv("PATH", os.pathsep.join([str(where.bin), str(bare_path)]))
    write_launchers(where, engine)
    assert (where.bin / "pulumi-language-python").exists()


def test_the_lock_of_a_dead_process_is_taken_away_and_said(
    staging: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = write_lock(staging, "staging", dead_process())
    staging.clean_up()
    assert not lock.exists()
    assert "staging: an earlier run was killed; taking away its lock" in capsys.readouterr().err


def test_the_lock_of_a_live_process_is_refused_and_left(staging: Stack) -> None:
    lock = write_lock(staging, "staging", os.getpid())
    with pytest.raises(LocalCloudError) as failure:
        staging.clean_up()
    assert f"another pulumi (process {os.getpid()}) works on staging" in str(failure.value)
    assert f"`kill -INT {os.getpid()}`" in str(failure.value)
    assert lock.exists()


def test_locks_of_other_stacks_are_left_alone(staging: Stack) -> None:
    dead = write_lock(staging, "production", dead_process())
    live = write_lock(staging, "another-staging", os.getpid())
    staging.clean_up()
    assert dead.exists()
    assert live.exists()


def test_a_stack_that_ended_well_is_cleaned_up_without_a_word(
    staging: Stack, on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_state(staging, resources=[{"urn": URN, "id": "vpc-1"}])
    staging.clean_up()
    assert capsys.readouterr().err == ""
    assert calls(on_path) == []


def test_unfinished_operations_are_forgotten_and_the_resources_kept(
    staging: Stack, on_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = {
        "resources": [{"urn": URN, "id": "vpc-1"}],
        "pending_operations": [{"resource": {"urn": URN}, "type": "creating"}],
    }
    write_state(staging, **latest)
    (on_path / "export.json").write_text(json.dumps({"version": 3, "deployment": latest}))
    staging.clean_up()
    assert json.loads((on_path / "import.json").read_text()) == {
        "version": 3,
        "deployment": {"resources": latest["resources"]},
    }
    assert "its unfinished operations are repeated" in capsys.readouterr().err


def test_a_creation_that_the_state_knows_is_no_longer_an_attempt(staging: Stack) -> None:
    journal = Journal(staging.folders.journal)
    for urn in (URN, f"{URN}-other"):
        journal.created(urn, journal.begin(urn, {}), "vpc-1")
        journal.finished(urn)
    write_state(staging, resources=[{"urn": URN, "id": "vpc-1"}])
    staging.clean_up()
    assert journal.attempt(URN) is None
    assert journal.attempt(f"{URN}-other") is not None


def test_a_state_that_a_kill_left_half_written_is_put_right(staging: Stack) -> None:
    staging.state_file.parent.mkdir(parents=True, exist_ok=True)
    before = staging.state_file.with_name(f"{staging.state_file.name}.bak")
    notes = staging.state_file.with_name(f"{staging.state_file.name}.attrs")
    before.write_text('{"checkpoint": {}}')
    staging.state_file.write_text('{"checkpo')
    notes.write_text("")
    locked = replace(staging, lock=0)
    locked.prepare()
    assert staging.state_file.read_text() == before.read_text()
    assert not notes.exists()
    notes.write_text("{}")
    locked.prepare()
    assert notes.exists()
