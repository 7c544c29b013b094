"""A run that is killed half-way, and the next one."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from local.locks import command_line
from tests.engine.conftest import LocalCloud, MakeCloud, Started


@pytest.fixture(scope="module")
def undisturbed(make_cloud: MakeCloud) -> dict[str, int]:
    cloud = make_cloud()
    answer = cloud.run("up")
    assert answer.code == 0, answer.text
    inventory = cloud.inventory()
    cloud.close()
    return inventory


def wait_for(cloud: LocalCloud, process: Started, resources: int) -> None:
    """Until the state has this many resources."""
    deadline = time.monotonic() + 300
    while len(cloud.state("staging")) < resources:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.finish().text
        time.sleep(0.02)


def everything_under(process: int) -> list[int]:
    """The process and its descendants, whatever groups and sessions they are in."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, queue = [], [process]
    while queue:
        found.append(queue[0])
        queue.extend(children.get(queue.pop(0), []))
    return found


def parents() -> dict[int, int]:
    """The parent of every process; slim images of Linux have no ps."""
    if not Path("/proc/self").exists():
        words = ["ps", "-eo", "pid=,ppid="]
        listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        return {int(pid): int(parent) for pid, parent in map(str.split, listed.splitlines())}
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    return found


def kill_all(run: Started) -> None:
    for victim in everything_under(run.pid):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            # The emulators have sessions of their own: they are no part of the run.
            if os.getsid(victim) == run.pid:
                os.kill(victim, signal.SIGKILL)


def is_plugin(words: str) -> bool:
    return any(
        name in words for name in ("local.providers", "local.language_host", "pulumi.policy")
    )


def ends_like_an_undisturbed_run(cloud: LocalCloud, undisturbed: dict[str, int]) -> None:
    answer = cloud.run("up")
    assert answer.code == 0, answer.text
    assert cloud.inventory() == undisturbed
    again = cloud.run("up")
    assert "staging: no changes" in again.text, again.text


@pytest.mark.parametrize("resources", [6, 16, 30])
def test_everything_killed_at_once_and_run_again(
    make_cloud: MakeCloud, undisturbed: dict[str, int], resources: int
) -> None:
    cloud = make_cloud()
    process = cloud.start("up")
    wait_for(cloud, process, resources)
    kill_all(process)
    process.finish()
    ends_like_an_undisturbed_run(cloud, undisturbed)
    cloud.close()


def test_only_the_make_above_the_command_killed_and_run_again(
    make_cloud: MakeCloud, undisturbed: dict[str, int]
) -> None:
    cloud = make_cloud()
    process = cloud.start("up", below=("/bin/sh", "-c", '"$@"; exit', "make"))
    wait_for(cloud, process, 12)
    process.kill()
    process.finish()
    ends_like_an_undisturbed_run(cloud, undisturbed)
    cloud.close()


def test_the_engine_alone_killed_and_run_again(
    make_cloud: MakeCloud, undisturbed: dict[str, int]
) -> None:
    cloud = make_cloud()
    process = cloud.start("up")
    wait_for(cloud, process, 12)
    run = {pid: command_line(pid) for pid in everything_under(process.pid)}
    # Beside it in the folder is the environment of the emulator of functions.
    ours = f"{cloud.folders.engine}{os.sep}pulumi-"
    (engine,) = [pid for pid, words in run.items() if ours in words]
    os.kill(engine, signal.SIGKILL)
    assert process.finish().code != 0
    deadline = time.monotonic() + 20
    while any(command_line(pid) == words for pid, words in run.items() if is_plugin(words)):
        assert time.monotonic() < deadline, "the killed engine's plugins live on"
        time.sleep(0.1)
    ends_like_an_undisturbed_run(cloud, undisturbed)
    cloud.close()


def test_the_emulator_killed_in_the_middle_and_run_again(
    make_cloud: MakeCloud, undisturbed: dict[str, int]
) -> None:
    cloud = make_cloud()
    process = cloud.start("up")
    wait_for(cloud, process, 12)
    os.kill(json.loads(cloud.folders.emulator.read_text())["process"], signal.SIGKILL)
    answer = process.finish()
    assert answer.code != 0
    assert "the emulator ended during the run" in answer.text
    assert "does not answer; run `make up` again" in answer.text
    ends_like_an_undisturbed_run(cloud, undisturbed)
    cloud.close()


def test_a_second_command_on_the_same_stack_is_refused_and_the_first_goes_on(
    make_cloud: MakeCloud, undisturbed: dict[str, int]
) -> None:
    cloud = make_cloud()
    first = cloud.start("up")
    wait_for(cloud, first, 6)
    for command in ("up", "down", "preview"):
        second = cloud.run(command)
        assert second.code == 1
        assert f"another command works on staging (process {first.pid})" in second.text
    answer = first.finish()
    assert answer.code == 0, answer.text
    assert cloud.inventory() == undisturbed
    cloud.close()
