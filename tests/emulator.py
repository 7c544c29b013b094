"""The emulators in processes of their own, for tests that need nothing else of the local cloud."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from local import functions_emulator
from local.paths import folders
from local.servers import INSTANCE_PATH, free_port

REPOSITORY: Final = Path(__file__).parents[1]


@contextmanager
def running_emulator(**settings: str) -> Iterator[str]:
    """The URL of an emulator with moto's `settings` as its environment."""
    command = [sys.executable, "-m", "local.emulator"]
    with _running(command, {**os.environ, **settings}) as url:
        yield url


@contextmanager
def running_functions_emulator(emulator: str) -> Iterator[str]:
    """The URL of an emulator of functions and schedules, beside the one at `emulator`."""
    python = functions_emulator.interpreter(folders())
    command = [str(python), "-m", "local.functions_server"]
    command += ["--emulator", emulator, "--beside", str(os.getpid())]
    with (
        tempfile.TemporaryDirectory() as temporary,
        _running(command, functions_emulator.environment(Path(temporary))) as url,
    ):
        yield url


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
        env=environment,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{url}{INSTANCE_PATH}", timeout=1)  # noqa: S310 - loopback
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(timeout=10)


def point_at(
    emulator: str, monkeypatch: pytest.MonkeyPatch, functions_emulator_url: str | None = None
) -> None:
    """Let boto3 know of no account, profile or endpoint but the emulators."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    if functions_emulator_url is not None:
        for service in functions_emulator.SERVICES:
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", functions_emulator_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
