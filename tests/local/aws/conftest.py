"""One emulator a test worker, and operations on it as the stand-in makes them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.providers.aws.api import Api
from local.providers.aws.journal import Journal
from local.providers.aws.operations import Operations
from local.providers.aws.table import TABLE
from tests.local.aws.build import MakeOperations, Stack

REGION = "ap-southeast-2"


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "local.emulator", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
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


@pytest.fixture
def api(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return Api(REGION)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def operations(api: Api, journal: Journal) -> MakeOperations:
    return lambda token: Operations(token, TABLE[token], api, journal, {"Environment": "test"})


@pytest.fixture
def stack(operations: MakeOperations) -> Stack:
    return Stack(operations)
