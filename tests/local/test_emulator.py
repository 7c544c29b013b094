"""One emulator a local cloud, found again, and each token of idempotency answered once."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local import emulator
from local.console import LocalCloudError
from local.emulator import PORT_VARIABLE, Idempotent, StartResponse
from local.paths import LOCAL_DIR, Folders, folders
from local.servers import INSTANCE_PATH, Server
from tests.local.clouds import local_cloud, reap

# An emulator outlives the command that started it, which in these tests is pytest itself.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess [0-9]+ is still running:ResourceWarning")

Answer = tuple[str, list[tuple[str, str]], bytes]


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Folders]:
    with local_cloud(tmp_path / "local") as where:
        yield where


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folders, Server]]:
    """A running emulator for tests that leave it running."""
    with local_cloud(tmp_path_factory.mktemp("shared")) as where:
        running = emulator.ensure(where)
        yield where, running


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


class Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"somebody else")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of another program's server, which answers anything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def record(where: Folders, process: int, port: int) -> None:
    where.root.mkdir(parents=True, exist_ok=True)
    where.emulator.write_text(
        json.dumps({"process": process, "port": port, "instance": "of yesterday"})
    )


def test_a_second_command_finds_the_same_emulator(shared: tuple[Folders, Server]) -> None:
    where, running = shared
    assert emulator.ensure(where) == running
    assert emulator.find(where) == running


def test_commands_at_the_same_time_get_the_same_emulator(
    shared: tuple[Folders, Server],
) -> None:
    where, running = shared
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(emulator.ensure, [where] * 4)) == [running] * 4


def test_a_command_of_another_process_finds_the_same_emulator(
    shared: tuple[Folders, Server],
) -> None:
    where, running = shared
    code = (
        "from local import emulator, paths\n"
        "print(emulator.ensure(paths.folders()).instance, end='')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {LOCAL_DIR: str(where.root)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == running.instance


def test_another_local_cloud_does_not_take_the_emulator_for_its_own(
    shared: tuple[Folders, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, running = shared
    monkeypatch.setenv(LOCAL_DIR, str(tmp_path))
    monkeypatch.setenv(PORT_VARIABLE, str(running.port))
    assert emulator.find(folders()) is None
    with pytest.raises(LocalCloudError, match=f"port {running.port} is taken"):
        emulator.ensure(folders())


def test_a_stopped_emulator_has_ended_and_is_not_found(where: Folders) -> None:
    running = emulator.ensure(where)
    emulator.stop(where)
    assert os.waitstatus_to_exitcode(os.waitpid(running.process, 0)[1]) == -signal.SIGTERM
    assert emulator.find(where) is None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", running.port)) != 0


def test_an_emulator_that_was_killed_is_not_found_and_the_next_is_another_instance(
    where: Folders,
) -> None:
    killed = emulator.ensure(where)
    os.kill(killed.process, signal.SIGKILL)
    reap(killed.process)
    assert emulator.find(where) is None
    started = emulator.ensure(where)
    assert started.instance != killed.instance
    assert started.process != killed.process
    assert emulator.find(where) == started


def test_stopping_where_nothing_runs_is_no_failure(where: Folders) -> None:
    emulator.stop(where)
    emulator.stop(where)
    assert emulator.find(where) is None


def test_a_chosen_port_that_is_taken_is_refused_and_names_the_variable(
    where: Folders, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PORT_VARIABLE, str(taken_port))
    with pytest.raises(LocalCloudError) as failure:
        emulator.ensure(where)
    assert f"port {taken_port} is taken by another program" in str(failure.value)
    assert f"set {PORT_VARIABLE} to a free port" in str(failure.value)
    assert not where.emulator.exists()


@pytest.mark.parametrize("chosen", ["0", "65536", "-1", "http"])
def test_a_chosen_port_that_is_none_is_refused_and_names_the_variable(
    where: Folders, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv(PORT_VARIABLE, chosen)
    with pytest.raises(LocalCloudError, match=f"{PORT_VARIABLE}={chosen} is no port"):
        emulator.ensure(where)


def test_another_port_is_taken_and_said_when_the_default_one_is_taken(
    where: Folders,
    taken_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(PORT_VARIABLE)
    monkeypatch.setattr(emulator, "KIND", replace(emulator.KIND, default_port=taken_port))
    running = emulator.ensure(where)
    assert running.port != taken_port
    assert emulator.find(where) == running
    assert (
        f"port {taken_port} is taken by another program; the AWS emulator takes {running.port}"
        in capsys.readouterr().err
    )


def test_an_emulator_that_does_not_start_shows_the_end_of_its_log(
    where: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nfor n in 1 2 3 4 5 6; do echo line $n >&2; done\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(LocalCloudError, match="the AWS emulator did not start") as failure:
        emulator.ensure(where)
    said = [line.strip() for line in str(failure.value).splitlines()]
    assert str(where.logs / "emulator.log") in said[0]
    assert said[1:] == [f"line {number}" for number in range(2, 7)]
    assert not where.emulator.exists()


def test_a_stale_record_of_somebody_elses_server_is_not_trusted(
    where: Folders, stranger: int
) -> None:
    record(where, os.getpid(), stranger)
    assert emulator.find(where) is None


def test_a_stale_record_is_no_reason_to_end_somebody_elses_process(
    where: Folders, stranger: int
) -> None:
    with subprocess.Popen(["sleep", "60"]) as innocent:
        try:
            record(where, innocent.pid, stranger)
            emulator.stop(where)
            assert innocent.poll() is None
            assert not where.emulator.exists()
        finally:
            innocent.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"process": 1, "port": 2}'])
def test_a_damaged_record_is_no_emulator(where: Folders, text: str) -> None:
    where.root.mkdir(parents=True, exist_ok=True)
    where.emulator.write_text(text)
    assert emulator.find(where) is None


class Application:
    """Counts how often it ran, and answers with the count."""

    def __init__(self, status: str = "200 OK", before: Callable[[], Any] = lambda: None) -> None:
        self.status = status
        self.runs = 0
        self._before = before

    def __call__(self, _: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        self.runs += 1
        run = self.runs
        self._before()
        start_response(self.status, [("X-Run", str(run))])
        return [b"run ", str(run).encode()]


def call(application: Idempotent, token: str | None, path: str = "/") -> Answer:
    head: list[tuple[str, list[tuple[str, str]]]] = []
    environ = {"PATH_INFO": path} | ({"HTTP_X_IDEMPOTENCY_TOKEN": token} if token else {})
    body = b"".join(application(environ, lambda *answer: head.append(answer)))
    ((status, headers),) = head
    return status, headers, body


def test_the_same_token_runs_once_and_gets_the_same_answer() -> None:
    application = Application()
    idempotent = Idempotent(application, "instance")
    first = call(idempotent, "a")
    assert first == ("200 OK", [("X-Run", "1")], b"run 1")
    assert call(idempotent, "a") == first
    assert application.runs == 1


def test_other_tokens_run_on_their_own() -> None:
    application = Application("201 Created")
    idempotent = Idempotent(application, "instance")
    assert [call(idempotent, token)[2] for token in "abab"] == [
        b"run 1",
        b"run 2",
        b"run 1",
        b"run 2",
    ]
    assert application.runs == 2


def test_calls_without_a_token_run_every_time() -> None:
    application = Application()
    idempotent = Idempotent(application, "instance")
    assert [call(idempotent, None)[2] for _ in range(2)] == [b"run 1", b"run 2"]


@pytest.mark.parametrize("status", ["400 Bad Request", "302 Found", "500 Internal Server Error"])
def test_an_answer_that_is_no_success_is_not_remembered(status: str) -> None:
    application = Application(status)
    idempotent = Idempotent(application, "instance")
    assert call(idempotent, "a")[0] == status
    application.status = "200 OK"
    assert call(idempotent, "a") == ("200 OK", [("X-Run", "2")], b"run 2")
    assert call(idempotent, "a") == ("200 OK", [("X-Run", "2")], b"run 2")


def test_a_token_can_be_used_again_after_the_application_broke_down() -> None:
    def broken() -> None:
        if application.runs == 1:
            raise RuntimeError("broken")

    application = Application(before=broken)
    idempotent = Idempotent(application, "instance")
    with pytest.raises(RuntimeError, match="broken"):
        call(idempotent, "a")
    assert call(idempotent, "a")[2] == b"run 2"


def test_two_threads_with_one_token_run_it_once_and_hold_up_no_other_token() -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        if application.runs == 1:
            inside.set()
            assert go_on.wait(10)

    application = Application(before=wait)
    idempotent = Idempotent(application, "instance")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(call, idempotent, "a")
        assert inside.wait(10)
        second = pool.submit(call, idempotent, "a")
        try:
            assert call(idempotent, "b")[2] == b"run 2"
            with pytest.raises(TimeoutError):
                second.result(0.1)
        finally:
            go_on.set()
        assert first.result(10) == second.result(10) == ("200 OK", [("X-Run", "1")], b"run 1")
    assert application.runs == 2


def test_the_instance_is_told_without_asking_the_application() -> None:
    application = Application()
    idempotent = Idempotent(application, "this one")
    assert call(idempotent, None, INSTANCE_PATH)[2] == b"this one"
    assert application.runs == 0
