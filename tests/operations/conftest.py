"""An emulator for the runbooks, in a process of its own, and what they find in it."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import boto3
import pytest
from rich.console import Console as RichConsole

from operations.aws import Aws
from operations.console import Console
from operations.platform import Platform
from operations.steps import Context
from tests.emulator import point_at, running_emulator
from tests.health import Health, running_health
from tests.operations.killed import KilledAfterEachChange, running_killer

REGION: Final = "ap-southeast-2"


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with running_emulator(
        # Otherwise no task of a service ever runs, and no deployment ever ends.
        MOTO_ECS_SERVICE_RUNNING="2",
        # Of no use here, and read again after every reset.
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",
    ) as url:
        yield url


@pytest.fixture(scope="session")
def clients() -> Aws:
    """The same clients for all tests: boto3 takes longer to make them than most tests do."""
    return Aws(REGION)


@pytest.fixture(scope="session")
def killed_after_each_change(emulator: str) -> Iterator[KilledAfterEachChange]:
    with pytest.MonkeyPatch.context() as patch:
        point_at(emulator, patch)
        with running_killer() as run:
            patch.undo()
            yield run


@pytest.fixture
def aws(emulator: str, clients: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """AWS as the local cloud has it, empty."""
    point_at(emulator, monkeypatch)
    reset = urllib.request.Request(f"{emulator}/moto-api/reset", method="POST")  # noqa: S310
    urllib.request.urlopen(reset, timeout=10)  # noqa: S310 - loopback
    return clients


@dataclass(frozen=True)
class Run:
    """How a runbook is started in a test, and what it said."""

    context: Context
    said: io.StringIO

    @property
    def text(self) -> str:
        return self.said.getvalue()


MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(aws: Aws) -> MakeRun:
    def make(environment: str = "staging", **how: Any) -> Run:
        said = io.StringIO()
        console = Console(_err=RichConsole(file=said, width=200))
        platform = Platform(environment)
        how.setdefault("sleep", lambda _: None)
        return Run(Context(platform=platform, aws=aws, console=console, **how), said)

    return make


@pytest.fixture
def health() -> Iterator[Health]:
    with running_health() as made:
        yield made


@pytest.fixture
def audit_group(aws: Aws) -> str:
    """The staging stack's audit log group."""
    name = Platform("staging").audit_log_group
    aws.client("logs").create_log_group(logGroupName=name)
    return name


def audit_lines(group: str) -> list[dict[str, Any]]:
    """How runs ended, as the audit log says."""
    return [line for line in all_audit_lines(group) if line["outcome"] != "begun"]


def all_audit_lines(group: str) -> list[dict[str, Any]]:
    """What the audit log says, read by plain boto3."""
    logs = boto3.client("logs", region_name=REGION)
    events = logs.filter_log_events(logGroupName=group)["events"]
    return [json.loads(event["message"]) for event in events]
