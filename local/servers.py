"""The local cloud's servers: each started once, recorded, found again and ended."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from local.console import LocalCloudError, progress, say
from local.locks import command_line, waiting_lock
from local.paths import REPOSITORY, Folders

HOST: Final = "127.0.0.1"
INSTANCE_PATH: Final = "/_local/instance"

_START_SECONDS: Final = 60
# A proxy for the outside knows nothing of this machine's loopback.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """A running server; `instance` is new with every start."""

    process: int
    port: int
    instance: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True)
class Launch:
    """What is run for a server; `environment` is all of it, or this process's if not given."""

    command: list[str]
    environment: Mapping[str, str] | None = None


# From the port and the instance, which the server has to tell under `INSTANCE_PATH` and in its
# command line.
MakeLaunch = Callable[[int, str], Launch]


@dataclass(frozen=True)
class Kind:
    """One of the servers: `name` is that of its lock and log, `title` is what users read."""

    name: str
    title: str
    default_port: int
    port_variable: str
    record: Callable[[Folders], Path]


def find(kind: Kind, folders: Folders) -> Server | None:
    """The server of this local cloud, if it runs and is ours."""
    server = _recorded(kind, folders)
    if server is None or _instance(server.port) != server.instance:
        return None
    return server


def _recorded(kind: Kind, folders: Folders) -> Server | None:
    try:
        return Server(**json.loads(kind.record(folders).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def ensure(kind: Kind, folders: Folders, launch: MakeLaunch, prefix: str = "") -> Server:
    """The running server, started if it does not run.

    One whose instance does not begin with `prefix` is ended first.

    Raises:
        LocalCloudError: the port that the user chose is taken, or the server did not start.
    """
    with waiting_lock(folders.lock(kind.name)):
        server = find(kind, folders) or _half_started(kind, folders)
        if server is not None and server.instance.startswith(prefix):
            return server
        if server is not None:
            _end(server)
        return _start(kind, folders, launch, f"{prefix}{uuid.uuid4()}")


def stop(kind: Kind, folders: Folders) -> None:
    with waiting_lock(folders.lock(kind.name)):
        server = find(kind, folders) or _half_started(kind, folders)
        if server is not None:
            _end(server)
        kind.record(folders).unlink(missing_ok=True)


def _end(server: Server) -> None:
    os.kill(server.process, signal.SIGTERM)
    while _instance(server.port) == server.instance:
        time.sleep(0.05)


def _half_started(kind: Kind, folders: Folders) -> Server | None:
    """The server that a killed command had begun to start, once it answers."""
    server = _recorded(kind, folders)
    if server is None or not _runs(server):
        return None
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and _runs(server):
        if _instance(server.port) == server.instance:
            return server
        time.sleep(0.05)
    return None


def _runs(server: Server) -> bool:
    """Whether the recorded process is still this server and not a later one of that number."""
    return server.instance in command_line(server.process)


def _start(kind: Kind, folders: Folders, launch: MakeLaunch, instance: str) -> Server:
    port = _choose_port(kind)
    folders.logs.mkdir(parents=True, exist_ok=True)
    log = folders.logs / f"{kind.name}.log"
    started = launch(port, instance)
    with progress(f"starting {kind.title} on {HOST}:{port}"), log.open("ab") as output:
        # A session of its own: it outlives the command that happens to start it.
        process = subprocess.Popen(
            started.command,
            cwd=REPOSITORY,
            env=started.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(process.pid, port, instance)
        # Before it answers: a command that is killed now must not leave an unknown server.
        record = kind.record(folders)
        draft = record.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(server)))
        draft.replace(record)
        answers = _answers(process, server)
    if not answers:
        process.kill()
        record.unlink()
        tail = "\n  ".join(log.read_text(errors="replace").splitlines()[-5:])
        raise LocalCloudError(f"{kind.title} did not start; the end of {log}:\n  {tail}")
    return server


def _answers(process: subprocess.Popen[bytes], server: Server) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _instance(server.port) == server.instance:
            return True
        time.sleep(0.05)
    return False


def _choose_port(kind: Kind) -> int:
    variable, chosen = kind.port_variable, os.environ.get(kind.port_variable)
    if chosen:
        if not chosen.isdigit() or not 0 < int(chosen) < 2**16:
            raise LocalCloudError(f"{variable}={chosen} is no port; use 1 to 65535")
        if not _free(int(chosen)):
            raise LocalCloudError(
                f"port {chosen} is taken by another program; set {variable} to a free port, "
                "or unset it and one is chosen"
            )
        return int(chosen)
    if _free(kind.default_port):
        return kind.default_port
    port = free_port()
    say(f"port {kind.default_port} is taken by another program; {kind.title} takes {port}")
    return port


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind((HOST, 0))
        return int(any_port.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _instance(port: int) -> str | None:
    try:
        with _DIRECT.open(f"http://{HOST}:{port}{INSTANCE_PATH}", timeout=10) as answer:
            return str(answer.read().decode())
    except (OSError, HTTPException, ValueError):
        return None
