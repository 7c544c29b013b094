"""Set-up that was killed half-way, or meets a machine that is not as it should be."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import emulator, functions_emulator, install
from local.console import LocalCloudError
from local.emulator import PORT_VARIABLE
from local.engine import engine, pinned_version
from local.locks import command_line
from local.paths import ENGINE_DIR, LOCAL_DIR, REPOSITORY, Folders, folders
from local.servers import free_port

ENSURE = "from local import emulator, paths; emulator.ensure(paths.folders())"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv(LOCAL_DIR, str(tmp_path / "local"))
    monkeypatch.delenv(ENGINE_DIR, raising=False)
    monkeypatch.setenv(PORT_VARIABLE, str(free_port()))
    return folders()


def test_an_emulator_whose_command_was_killed_as_it_started_is_used(where: Folders) -> None:
    command = subprocess.Popen([sys.executable, "-c", ENSURE], cwd=REPOSITORY)
    while not where.emulator.exists():
        assert command.poll() is None
        time.sleep(0.005)
    command.kill()
    command.wait()
    begun = json.loads(where.emulator.read_text())
    found = emulator.ensure(where)
    emulator.stop(where)
    assert (found.process, found.instance) == (begun["process"], begun["instance"])


def test_a_proxy_of_the_users_does_not_come_between(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    subprocess.run([sys.executable, "-c", ENSURE], cwd=REPOSITORY, check=True)
    assert emulator.find(where) is not None
    emulator.stop(where)


def test_a_process_number_that_came_round_again_is_not_waited_for(where: Folders) -> None:
    where.root.mkdir()
    where.emulator.write_text(json.dumps({"process": os.getpid(), "port": 9, "instance": "old"}))
    started = time.monotonic()
    emulator.stop(where)  # and ends nobody
    assert time.monotonic() - started < 5
    assert command_line(os.getpid())


def test_a_pulumi_of_another_machine_is_named(
    where: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    installed = tmp_path / "pulumi"
    installed.write_bytes(b"\x7fELF of another machine")
    installed.chmod(0o755)
    with pytest.raises(LocalCloudError, match=f"{installed} does not run .*take it off PATH"):
        engine(where)


def test_half_an_engine_is_taken_away_by_the_next_build(
    where: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\nprintf engine > "$3"\n')
    go.chmod(0o755)
    where.engine.mkdir(parents=True)
    half = where.engine / f"pulumi-v{pinned_version()}.4711.draft"
    half.write_text("half")
    assert engine(where).read_text() == "engine"
    assert not half.exists()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the packages would go, with one requirement file; pip is not asked for anything."""
    required = tmp_path / "requirements.txt"
    required.write_text("")
    monkeypatch.setattr(install, "REQUIREMENTS", (required,))
    monkeypatch.setattr(install, "ENVIRONMENT", tmp_path / "environment")
    return tmp_path / "environment"


@pytest.mark.usefixtures("where")
def test_packages_are_installed_again_when_the_requirements_change(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def run(command: list[str], text: str, _: str) -> None:
        ran.append(text)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "pip").touch()

    for module in (install, functions_emulator):
        monkeypatch.setattr(module, "run_step", run)
    install.install()
    install.install()
    assert [text.split()[0] for text in ran] == ["making", "installing"] * 2
    assert (environment / "bin").exists()
    later = time.time() + 10
    os.utime(install.REQUIREMENTS[0], (later, later))
    ran.clear()
    install.install()
    assert [text.split()[0] for text in ran] == ["installing"]


def test_half_an_environment_for_functions_is_made_anew(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], *_: str) -> None:
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)  # fails where something is left
        if "pip" in command:
            (Path(command[0]).parent / "packages").touch()

    monkeypatch.setattr(functions_emulator, "run_step", run)
    (where.engine / "ministack.draft" / "bin").mkdir(parents=True)
    made = functions_emulator.interpreter(where)
    assert (made.parent / "packages").exists()
    assert functions_emulator.interpreter(where) == made


def test_packages_for_functions_that_are_not_found_are_said_and_asked_for_again(
    where: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nmkdir -p "$3/bin"\nln -s {shutil.which("false")} "$3/bin/python"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    reason = r"installing the packages of ministack-requirements\.txt failed.*run the command again"
    for _ in range(2):
        with pytest.raises(LocalCloudError, match=reason):
            functions_emulator.interpreter(where)


@pytest.mark.usefixtures("where", "environment")
def test_packages_that_are_not_found_are_said_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for _ in range(2):
        with pytest.raises(LocalCloudError, match=r"making \.venv failed.*run make again"):
            install.install()
