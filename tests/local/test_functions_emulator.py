"""The emulator of functions beside the AWS emulator: found, lost, ended, and left half-way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import cli, emulators, functions_emulator
from local.console import LocalCloudError
from local.emulators import Emulators
from local.locks import command_line
from local.paths import REPOSITORY, Folders
from local.stacks import Stack
from tests.local.clouds import local_cloud, reap

# An emulator outlives the command that started it, which in these tests is pytest itself.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess [0-9]+ is still running:ResourceWarning")

ENSURE = "from local import emulators, paths; emulators.ensure(paths.folders())"


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Folders]:
    with local_cloud(tmp_path / "local") as where:
        yield where


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folders, Emulators]]:
    """Running emulators for tests that leave them running."""
    with local_cloud(tmp_path_factory.mktemp("shared")) as where:
        yield where, emulators.ensure(where)


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    reap(process)


def test_a_second_command_finds_both(shared: tuple[Folders, Emulators]) -> None:
    where, running = shared
    assert emulators.ensure(where) == running
    assert emulators.find(where) == running


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback is one address")
def test_it_answers_on_one_address_alone(shared: tuple[Folders, Emulators]) -> None:
    _, running = shared
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", running.functions.port))


def test_a_chosen_port_that_is_taken_is_refused_and_names_its_variable(
    shared: tuple[Folders, Emulators], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, running = shared
    other = Folders(tmp_path / "local", where.engine)
    other.root.mkdir()
    monkeypatch.setenv(functions_emulator.PORT_VARIABLE, str(running.functions.port))
    with pytest.raises(LocalCloudError) as failure:
        functions_emulator.ensure(other, running.aws)
    assert f"port {running.functions.port} is taken" in str(failure.value)
    assert "set AUSSIE_MARKETS_FUNCTIONS_PORT to a free port" in str(failure.value)


def with_state(stack: Stack) -> None:
    """As if a run of Pulumi had made something."""
    stack.state_file.parent.mkdir(parents=True)
    built = {"checkpoint": {"latest": {"resources": [{"id": "backup"}]}}}
    stack.state_file.write_text(json.dumps(built))


def test_one_that_was_killed_alone_holds_nothing_of_a_stack_any_more(where: Folders) -> None:
    stack = Stack("staging", where, {})
    with_state(stack)
    before = emulators.ensure(where)
    cli._remember_emulator(stack)
    assert cli._held_by_running_emulator(stack)
    kill(before.functions.process)
    assert emulators.find(where) is None
    after = emulators.ensure(where)
    assert after.aws == before.aws
    assert after.instance != before.instance
    assert not cli._held_by_running_emulator(stack)


def test_what_plain_pulumi_makes_first_is_known_to_be_held(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack("staging", where, dict(os.environ))
    emulators.ensure(where)
    monkeypatch.setattr(cli, "_prepared", lambda *_: stack)

    def commands(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        with_state(stack)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(subprocess, "run", commands)
    assert cli.shell("staging") == 0
    assert cli._held_by_running_emulator(stack)


def test_one_does_not_outlive_the_emulator_that_it_stands_beside(where: Folders) -> None:
    before = emulators.ensure(where)
    kill(before.aws.process)
    assert emulators.find(where) is None
    after = emulators.ensure(where)
    reap(before.functions.process)
    assert not command_line(before.functions.process)
    assert after.functions.process != before.functions.process
    assert after.instance != before.instance
    kill(after.aws.process)  # and nobody runs a command after that
    reap(after.functions.process)


def test_stopping_ends_both_and_leaves_no_record(where: Folders) -> None:
    running = emulators.ensure(where)
    emulators.stop(where)
    for server in (running.functions, running.aws):
        reap(server.process)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    assert not where.emulator.exists()
    assert not where.functions_emulator.exists()
    emulators.stop(where)


def test_one_whose_command_was_killed_as_it_started_is_used(where: Folders) -> None:
    command = subprocess.Popen([sys.executable, "-c", ENSURE], cwd=REPOSITORY)
    while not where.functions_emulator.exists():
        assert command.poll() is None
        time.sleep(0.005)
    command.kill()
    command.wait()
    begun = json.loads(where.functions_emulator.read_text())
    found = emulators.ensure(where)
    assert found.functions.process == begun["process"]
    assert found.instance == begun["instance"]
