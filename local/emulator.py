"""The AWS emulator: moto's server in a process of its own, found again by later commands.

Run as `python -m local.emulator --port N`, it serves moto with two additions: it remembers the
answers to calls that carry an idempotency token, as AWS does for `ClientToken`, and it says which
instance it is, since an emulator that was started anew holds nothing.
"""

import argparse
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

from local import emulator_repairs, servers
from local.paths import Folders
from local.servers import HOST, INSTANCE_PATH, Kind, Launch, Server

PORT_VARIABLE: Final = "AUSSIE_MARKETS_EMULATOR_PORT"
KIND: Final = Kind("emulator", "the AWS emulator", 5566, PORT_VARIABLE, attrgetter("emulator"))


def find(folders: Folders) -> Server | None:
    """The emulator of this local cloud, if it runs and is ours."""
    return servers.find(KIND, folders)


def ensure(folders: Folders) -> Server:
    """The running emulator, started if it does not run.

    Raises:
        LocalCloudError: the port that the user chose is taken, or the emulator did not start.
    """
    return servers.ensure(KIND, folders, _launch)


def stop(folders: Folders) -> None:
    servers.stop(KIND, folders)


def _launch(port: int, instance: str) -> Launch:
    command = [sys.executable, "-m", "local.emulator", "--port", str(port)]
    return Launch([*command, "--instance", instance])


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
    run_simple(HOST, port, application, threaded=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the AWS emulator on the loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--instance", default=str(uuid.uuid4()), help="default: a new one")
    arguments = parser.parse_args()
    serve(arguments.port, arguments.instance)
