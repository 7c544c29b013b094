"""The AWS emulator: moto's server in a process of its own, found again by later commands.

Run as `python -m local.emulator --port N`, it serves moto with two additions: it remembers the
answers to calls that carry an idempotency token, as AWS does for `ClientToken`, and it says which
instance it is, since an emulator that was started anew holds nothing.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import Any, Final

from local import emulator_repairs
from local.console import LocalCloudError, progress, say
from local.locks import command_line, waiting_lock
from local.paths import REPOSITORY, Folders

DEFAULT_PORT: Final = 5566
PORT_VARIABLE: Final = "AUSSIE_MARKETS_EMULATOR_PORT"
INSTANCE_PATH: Final = "/_local/instance"

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60
# A proxy for the outside knows nothing of this machine's loopback.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Emulator:
    """A running emulator; `instance` is new with every start."""

    process: int
    port: int
    instance: str

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"


def find(folders: Folders) -> Emulator | None:
    """The emulator of this local cloud, if it runs and is ours."""
    emulator = _recorded(folders)
    if emulator is None or _instance(emulator.port) != emulator.instance:
        return None
    return emulator


def _recorded(folders: Folders) -> Emulator | None:
    try:
        return Emulator(**json.loads(folders.emulator.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def ensure(folders: Folders) -> Emulator:
    """The running emulator, started if it does not run.

    Raises:
        LocalCloudError: the port that the user chose is taken, or the emulator did not start.
    """
    with waiting_lock(folders.lock("emulator")):
        return find(folders) or _half_started(folders) or _start(folders)


def stop(folders: Folders) -> None:
    with waiting_lock(folders.lock("emulator")):
        emulator = find(folders) or _half_started(folders)
        if emulator is not None:
            os.kill(emulator.process, signal.SIGTERM)
            while _instance(emulator.port) == emulator.instance:
                time.sleep(0.05)
        folders.emulator.unlink(missing_ok=True)


def _half_started(folders: Folders) -> Emulator | None:
    """The emulator that a killed command had begun to start, once it answers."""
    emulator = _recorded(folders)
    if emulator is None or not _runs(emulator):
        return None
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and _runs(emulator):
        if _instance(emulator.port) == emulator.instance:
            return emulator
        time.sleep(0.05)
    return None


def _runs(emulator: Emulator) -> bool:
    """Whether the recorded process is still this emulator and not a later one of that number."""
    return emulator.instance in command_line(emulator.process)


def _start(folders: Folders) -> Emulator:
    port = _choose_port()
    folders.logs.mkdir(parents=True, exist_ok=True)
    log = folders.logs / "emulator.log"
    instance = str(uuid.uuid4())
    with progress(f"starting the AWS emulator on {_HOST}:{port}"), log.open("ab") as output:
        # A session of its own: it outlives the command that happens to start it.
        process = subprocess.Popen(
            [sys.executable, "-m", "local.emulator", "--port", str(port), "--instance", instance],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        emulator = Emulator(process.pid, port, instance)
        # Before it answers: a command that is killed now must not leave an unknown emulator.
        draft = folders.emulator.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(emulator)))
        draft.replace(folders.emulator)
        started = _answers(process, emulator)
    if not started:
        process.kill()
        folders.emulator.unlink()
        tail = "\n  ".join(log.read_text(errors="replace").splitlines()[-5:])
        raise LocalCloudError(f"the AWS emulator did not start; the end of {log}:\n  {tail}")
    return emulator


def _answers(process: subprocess.Popen[bytes], emulator: Emulator) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _instance(emulator.port) == emulator.instance:
            return True
        time.sleep(0.05)
    return False


def _choose_port() -> int:
    chosen = os.environ.get(PORT_VARIABLE)
    if chosen:
        if not chosen.isdigit() or not 0 < int(chosen) < 2**16:
            raise LocalCloudError(f"{PORT_VARIABLE}={chosen} is no port; use 1 to 65535")
        if not _free(int(chosen)):
            raise LocalCloudError(
                f"port {chosen} is taken by another program; set {PORT_VARIABLE} to a free port, "
                "or unset it and one is chosen"
            )
        return int(chosen)
    if _free(DEFAULT_PORT):
        return DEFAULT_PORT
    port = _free_port()
    say(f"port {DEFAULT_PORT} is taken by another program; the emulator takes {port}")
    return port


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind((_HOST, 0))
        return int(any_port.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _instance(port: int) -> str | None:
    try:
        url = f"http://{_HOST}:{port}{INSTANCE_PATH}"
        with _DIRECT.open(url, timeout=10) as answer:
            return str(answer.read().decode())
    except (OSError, HTTPException, ValueError):
        return None


StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Idempotent:
    """WSGI: a token that was answered before gets the same answer, and nothing happens again."""

    def __init__(self, application: Application, instance: str) -> None:
        self._application = application
        self._instance = instance
        self._answers: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == INSTANCE_PATH:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [self._instance.encode()]
        token = environ.get("HTTP_X_IDEMPOTENCY_TOKEN")
        if token is None:
            return self._application(environ, start_response)
        with self._guard:
            lock = self._locks.setdefault(token, threading.Lock())
        with lock:
            status, headers, body = self._answers.get(token) or self._call(environ)
            if status.startswith("2"):
                self._answers[token] = (status, headers, body)
        start_response(status, headers)
        return [body]

    def _call(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            head[:] = [status, headers]

        body = b"".join(self._application(environ, start_response))
        return head[0], head[1], body


def _end_deletions() -> None:
    """moto leaves a deleted replication group in `deleting` for ever, and its id taken."""
    from moto.elasticache.models import ElastiCacheBackend

    begin = ElastiCacheBackend.delete_replication_group

    def delete(
        backend: ElastiCacheBackend, replication_group_id: str, retain_primary_cluster: bool | None
    ) -> Any:
        group = begin(backend, replication_group_id, retain_primary_cluster)
        del backend.replication_groups[replication_group_id]
        return group

    ElastiCacheBackend.delete_replication_group = delete  # type: ignore[assignment, method-assign]


def serve(port: int, instance: str) -> None:
    # Certificates are issued as soon as they are asked for, where moto waits a minute.
    os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "0")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    _end_deletions()
    emulator_repairs.repair()
    application = Idempotent(DomainDispatcherApplication(create_backend_app), instance)
    run_simple(_HOST, port, application, threaded=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the AWS emulator on the loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--instance", default=str(uuid.uuid4()), help="default: a new one")
    arguments = parser.parse_args()
    serve(arguments.port, arguments.instance)
