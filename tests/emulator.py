"""The AWS emulator in a process of its own, for tests that need nothing else of the local cloud."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[1]


@contextmanager
def running_emulator(**settings: str) -> Iterator[str]:
    """The URL of an emulator with moto's `settings` as its environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "local.emulator", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
        env={**os.environ, **settings},
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{url}/_local/instance", timeout=1)  # noqa: S310 - loopback
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(timeout=10)


def point_at(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 know of no account, profile or endpoint but the emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
