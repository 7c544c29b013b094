"""Stack files, Pulumi's environment, and what a killed run leaves in the way; no engine runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from local import cli, stacks
from local.console import LocalCloudError
from local.emulators import Emulators
from local.locks import refusing_lock
from local.paths import ENGINE_DIR, LOCAL_DIR, REPOSITORY, Folders
from local.servers import Server
from local.stacks import Stack, environment

EMULATORS = Emulators(Server(1, 5566, "aws"), Server(2, 5567, "aws.functions"))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "local", tmp_path / "engine")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: aussie-markets\nruntime: python\n")
    (folder / "Pulumi.staging.yaml").write_text("config: {}\n")
    monkeypatch.setattr(stacks, "REPOSITORY", folder)
    return folder


@pytest.fixture
def stack(folders: Folders) -> Stack:
    """A stack that has state, so that preparing it starts no pulumi."""
    stack = Stack("staging", folders, {}, lock=0)
    file = folders.state / ".pulumi" / "stacks" / "aussie-markets" / "staging.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"checkpoint": {"latest": None}}))
    return stack


def lock_file(folders: Folders, text: str) -> Path:
    path = folders.state / ".pulumi/locks/organization/aussie-markets/staging/1.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_nothing_of_a_real_account_reaches_pulumi(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_EC2": "https://ec2.ap-southeast-2.amazonaws.com",
        "PULUMI_ACCESS_TOKEN": "real",
        "PULUMI_STACK": "production",
    }
    for name, value in real.items():
        monkeypatch.setenv(name, value)
    found = environment(folders, EMULATORS)
    assert not set(real) & set(found)
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5566"
    assert found["PULUMI_BACKEND_URL"].startswith("file:///")
    assert found[LOCAL_DIR] == str(folders.root)
    assert found["NO_PROXY"] == "127.0.0.1,localhost"


def test_the_local_copy_keeps_its_salt_and_the_committed_file_is_untouched(
    repository: Path, stack: Stack
) -> None:
    committed = repository / "Pulumi.staging.yaml"
    stack.prepare()
    stack.config_file.write_text("encryptionsalt: v1:local\n")
    committed.write_text("config:\n  aussie-markets:network: {zones: [a, b]}\n")
    stack.prepare()
    assert yaml.safe_load(stack.config_file.read_text()) == {
        "encryptionsalt": "v1:local",
        "config": {"aussie-markets:network": {"zones": ["a", "b"]}},
    }
    assert "salt" not in committed.read_text()


def test_the_secrets_of_the_stack_on_aws_stay_out_and_are_named(
    repository: Path, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "Pulumi.staging.yaml").write_text(
        "secretsprovider: awskms://alias/platform?region=ap-southeast-2\n"
        "encryptedkey: c2VjcmV0\n"
        "config:\n"
        "  aussie-markets:token: {secure: v1:a}\n"
        "  aussie-markets:database:\n"
        "    class: db.t3.micro\n"
        "    password: {secure: v1:b}\n"
        "    users: [{secure: v1:c}, plain]\n"
    )
    stack.prepare()
    assert yaml.safe_load(stack.config_file.read_text()) == {
        "config": {"aussie-markets:database": {"class": "db.t3.micro", "users": ["plain"]}}
    }
    said = capsys.readouterr().err
    for key in ("token", "database.password", "database.users[0]"):
        assert f"aussie-markets:{key}" in said
    assert "v1:" not in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config:\n  a: [1\n", "Pulumi.staging.yaml, line 3: no valid YAML"),
        ("- a\n", "Pulumi.staging.yaml: must hold keys and values"),
    ],
)
def test_a_broken_stack_file_is_named_with_its_line(
    repository: Path, stack: Stack, text: str, message: str
) -> None:
    (repository / "Pulumi.staging.yaml").write_text(text)
    with pytest.raises(LocalCloudError, match=message):
        stack.prepare()


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("text", ['{"pid": 99999999}', "", '{"pi'])
def test_a_dead_runs_lock_is_taken_away(folders: Folders, stack: Stack, text: str) -> None:
    """Also where the kill left half a file."""
    path = lock_file(folders, text)
    stack.prepare()
    assert not path.exists()


@pytest.mark.usefixtures("repository")
def test_the_lock_of_a_pulumi_that_works_is_respected(folders: Folders, stack: Stack) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", "pulumi"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as working:
        assert working.stdout is not None
        working.stdout.readline()  # Linux shows no words for a moment while a program starts
        path = lock_file(folders, json.dumps({"pid": working.pid}))
        with pytest.raises(LocalCloudError, match=rf"another pulumi \(process {working.pid}\)"):
            stack.prepare()
        assert path.exists()
        working.kill()


def test_clean_takes_away_its_own_alone(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOCAL_DIR, str(folders.root))
    monkeypatch.setenv(ENGINE_DIR, str(folders.engine))
    for name in ("state", "journal", "letters"):
        (folders.root / name).mkdir(parents=True)
    assert cli.clean() == 0
    left = {path.name for path in folders.root.iterdir()}
    assert left == {"letters", "locks"}


def test_clean_is_refused_while_a_command_works(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOCAL_DIR, str(folders.root))
    folders.state.mkdir(parents=True)
    with (
        refusing_lock(folders.lock("stack-staging"), "{holder}", 0),
        pytest.raises(LocalCloudError, match=f"works on staging .process {os.getpid()}"),
    ):
        cli.clean()
    assert folders.state.exists()


def test_a_lock_of_a_killed_command_is_waited_for_while_its_pulumi_ends(
    folders: Folders,
) -> None:
    path = folders.lock("stack-staging")
    # The command ends at once; its child, which inherited the lock, a second later.
    program = (
        "import subprocess, sys\n"
        "from pathlib import Path\n"
        "from local.locks import refusing_lock\n"
        "with refusing_lock(Path(sys.argv[1]), '', 0) as lock:\n"
        "    subprocess.Popen(['sleep', '1'], pass_fds=[lock])\n"
        "    import os; os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=REPOSITORY, check=True)
    with pytest.raises(LocalCloudError), refusing_lock(path, "{holder}", 0):
        pass
    with refusing_lock(path, "{holder}", 10) as lock:
        assert lock
