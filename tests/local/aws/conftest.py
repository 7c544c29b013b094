"""One of each emulator a test worker, and operations on it as the stand-in makes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.providers.aws.api import Api
from local.providers.aws.journal import Journal
from local.providers.aws.operations import Operations
from local.providers.aws.table import TABLE
from tests.emulator import point_at, running_emulator, running_functions_emulator
from tests.local.aws.build import MakeOperations, Stack

REGION = "ap-southeast-2"


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with running_emulator() as url:
        yield url


@pytest.fixture(scope="session")
def functions_emulator(emulator: str) -> Iterator[str]:
    with running_functions_emulator(emulator) as url:
        yield url


@pytest.fixture
def api(emulator: str, functions_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    point_at(emulator, monkeypatch, functions_emulator)
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
