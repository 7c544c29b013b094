"""Locks end with their holders, and a refusal says who holds one."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from local import locks
from local.console import LocalCloudError
from local.locks import is_running, refusing_lock, waiting_lock

REPOSITORY = Path(__file__).parents[2]
REFUSAL = "held by {holder}; wait for it"

HOLDER = """\
import subprocess, sys
from pathlib import Path
from local.locks import refusing_lock

with refusing_lock(Path(sys.argv[1]), "{holder}", 0) as lock:
    if "with child" in sys.argv:
        # The child says that it has begun, and works until its standard input ends.
        subprocess.run(["sh", "-c", "echo held; cat"], pass_fds=[lock])
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "stack-staging.lock"


@contextmanager
def holder(path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its standard input ends or it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), *words],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def refusal(path: Path, patience: float = 0) -> str:
    with (
        pytest.raises(LocalCloudError) as failure,
        refusing_lock(path, REFUSAL, patience),
    ):
        pass
    return str(failure.value)


def test_a_refusal_names_the_process_that_holds_the_lock(path: Path) -> None:
    with holder(path) as process:
        assert refusal(path) == f"held by {process.pid}; wait for it"


def test_a_holder_that_runs_is_refused_at_once_however_patient_one_is(path: Path) -> None:
    with holder(path):
        started = time.monotonic()
        refusal(path, patience=60)
        assert time.monotonic() - started < 5


def test_a_lock_is_refused_to_a_second_use_in_the_same_process(path: Path) -> None:
    with refusing_lock(path, REFUSAL, 0):
        assert refusal(path) == f"held by {os.getpid()}; wait for it"


def test_a_lock_is_let_go_at_its_end_and_after_a_failure(path: Path) -> None:
    with refusing_lock(path, REFUSAL, 0):
        pass
    with pytest.raises(RuntimeError), refusing_lock(path, REFUSAL, 0):
        raise RuntimeError
    with refusing_lock(path, REFUSAL, 0):
        assert path.read_text() == str(os.getpid())


def test_a_lock_is_let_go_when_its_holder_is_killed(path: Path) -> None:
    with holder(path) as process:
        process.kill()
        process.wait()
        with refusing_lock(path, REFUSAL, 0):
            assert path.read_text() == str(os.getpid())


def test_a_lock_is_held_while_a_child_of_its_killed_holder_works(path: Path) -> None:
    with holder(path, "with child") as process:
        process.kill()
        process.wait()
        assert refusal(path) == f"held by {process.pid}; wait for it"


def test_a_child_of_a_killed_holder_gets_the_time_to_end(path: Path) -> None:
    with holder(path, "with child") as process:
        process.kill()
        process.wait()
        assert process.stdin is not None
        end_of_work = threading.Timer(0.3, process.stdin.close)
        end_of_work.start()
        with refusing_lock(path, REFUSAL, 10):
            assert path.read_text() == str(os.getpid())
        end_of_work.join()


def test_locks_of_different_names_do_not_meet(tmp_path: Path) -> None:
    with (
        refusing_lock(tmp_path / "stack-staging.lock", REFUSAL, 0),
        refusing_lock(tmp_path / "stack-production.lock", REFUSAL, 0),
    ):
        pass


def test_a_waiting_lock_waits_for_its_holder_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    said: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(locks, "say", said.put)

    def second() -> None:
        with waiting_lock(path):
            order.append("second")

    thread = threading.Thread(target=second)
    with waiting_lock(path):
        thread.start()
        assert said.get(timeout=10) == "waiting for another command (stack-staging)"
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_free_waiting_lock_says_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with waiting_lock(path):
        pass
    assert capsys.readouterr().err == ""


def test_this_process_is_running() -> None:
    assert is_running(str(os.getpid()))


def test_a_process_that_ended_and_was_waited_for_is_not_running() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert not is_running(str(process.pid))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a zombie in /proc")
def test_a_process_that_ended_and_was_not_waited_for_is_not_running() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert is_running(str(process.pid))
        process.send_signal(signal.SIGKILL)
        # Tells of the end and leaves the zombie where it is.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(process.pid, 0)
        assert not is_running(str(process.pid))


@pytest.mark.parametrize("holder", ["", "?", "None", "a process"])
def test_what_is_no_process_id_is_not_running(holder: str) -> None:
    assert not is_running(holder)
