"""Runbooks in processes that are killed after each of their changes in turn, until one ends.

Run as `python -m tests.operations.killed` it takes a runbook and its arguments as a line of JSON,
and answers with another, until its input ends. A process of its own forks safely: it has one
thread. It lasts for all tests, since it takes longer to start than most of them do.
"""

import io
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import pytest
from rich.console import Console as RichConsole

from operations import adoption, backup, deploy, migrate, parameters, recover
from operations.aws import Aws
from operations.console import Console
from operations.database import find_instance
from operations.errors import OperationError
from operations.platform import Platform
from operations.recovery_points import LATEST
from operations.steps import Context
from tests.emulator import REPOSITORY
from tests.operations.faults import Call, Fault, Faults, heard
from tests.operations.stack import PulumiState, run_program

REGION: Final = "ap-southeast-2"
SERVICES: Final = (
    *("application-autoscaling", "ecr", "ecs", "elbv2", "kms", "logs", "rds", "route53", "s3"),
    "ssm",
)


class Killed(NamedTuple):
    """The changes after which it was killed, in their order, and why the last run refused."""

    after: list[str]
    refused: str | None


class KilledAfterEachChange(Protocol):
    """Run the runbook of that name; the last process ended by itself, well or with a refusal."""

    def __call__(self, runbook: str, *arguments: str) -> Killed: ...


@contextmanager
def running_killer() -> Iterator[KilledAfterEachChange]:
    """Where the environment leads boto3 to, that is where the runbooks work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.operations.killed"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    asked, answers = process.stdin, process.stdout

    def killed_after_each_change(runbook: str, *arguments: str) -> Killed:
        asked.write(json.dumps([runbook, *arguments]) + "\n")
        asked.flush()
        answer = json.loads(answers.readline())
        assert "failed" not in answer, answer["failed"]
        return Killed(**answer)

    yield killed_after_each_change
    asked.close()
    process.wait(timeout=10)
    answers.close()


def _context(environment: str, aws: Aws) -> Context:
    console = Console(_err=RichConsole(file=io.StringIO()))
    return Context(Platform(environment), aws, console, yes=True, sleep=lambda _: None)


def _backup_export(context: Context, name: str, role_arn: str) -> None:
    backup.export_backup(context, name, bucket="exports", role_arn=role_arn, wait=True)


def _backup_prune(context: Context, quota: str) -> None:
    backup.prune_backups(context, quota=int(quota))


def _migrate(context: Context, snapshot: str, health_url: str) -> None:
    how = migrate.Migration(health_url=health_url, rehearsal_health_url=health_url)
    production = _context("production", context.aws)
    migrate.migrate(production, context, how, snapshot)


def _parameters_restore(context: Context, bucket: str, *names: str) -> None:
    parameters.restore_parameters(context, bucket=bucket, names=names)


def _recover(context: Context, health_url: str, state: str, damaged: str = "") -> None:
    """`damaged` is the resource id of a database that is as young as everything in a test."""
    _remember(state)
    present = find_instance(context, context.platform.database)
    again = present is not None and present["DbiResourceId"] == damaged
    recover.recover(context, recover.Options(health_url=health_url, again=again))


def _drill(context: Context, state: str) -> None:
    _remember(state)
    # What the killed ones left is as young as everything in a test.
    recover.drill(context, LATEST, again=True)


def _remember(state: str) -> None:
    """Let what is in this file be the resources of Pulumi's state."""
    present = PulumiState(json.loads(Path(state).read_text()))
    # The process has but this one runbook to run.
    pytest.MonkeyPatch().setattr(adoption, "pulumi", present.pulumi)


RUNBOOKS: Final[Mapping[str, Callable[..., object]]] = {
    "backup create": backup.create_backup,
    "backup export": _backup_export,
    "backup restore": backup.restore_backup,
    "backup prune": _backup_prune,
    "deploy": deploy.deploy,
    "migrate": _migrate,
    "parameters backup": parameters.backup_parameters,
    "parameters restore": _parameters_restore,
    "recover": _recover,
    "recover --drill": _drill,
}


def _run(runbook: Callable[[], object], aws: Aws, killed: Sequence[Call]) -> Mapping[str, Any]:
    """What a process said that ended after the first change that is not among `killed`."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_killed(runbook, aws, killed, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said: dict[str, Any] = json.loads(pipe.read() or "{}")
    _, status = os.waitpid(child, 0)
    if (os.WTERMSIG(status) == signal.SIGKILL) != ("call" in said):
        said["failed"] = f"it ended with {status}, and said {said}"
    return said


def _be_killed(
    runbook: Callable[[], object], aws: Aws, killed: Sequence[Call], writer: int
) -> None:
    def say(**said: Any) -> None:
        os.write(writer, json.dumps(said).encode())

    def kill(call: Call, _: Fault) -> None:
        say(call=call)
        os.kill(os.getpid(), signal.SIGKILL)

    def ways(call: Call) -> Sequence[Fault]:
        changes = call.changes and not call.accounts
        return (Fault.LOST,) if changes and call not in killed else ()

    try:
        with heard([aws.client(service) for service in SERVICES], Faults(kill, ways)):
            runbook()
        say(refused=None)
    except OperationError as error:
        say(refused=str(error))
    except BaseException:
        say(failed=traceback.format_exc())
    finally:
        os._exit(0)


def answer(aws: Aws, name: str, *arguments: str) -> Mapping[str, Any]:
    """Of one line of input."""
    runbook = partial(RUNBOOKS[name], _context("staging", aws), *arguments)
    killed = list[Call]()
    while "call" in (said := _run(runbook, aws, killed)):
        killed.append(Call(*said["call"]))
    return {"after": [call.operation for call in killed], **said}


def main() -> None:
    aws = Aws(REGION)
    # Made once, and for all processes.
    for service in SERVICES:
        aws.client(service)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploy, "pulumi_up", run_program)
        patch.setattr(deploy, "refresh_service", lambda *_: None)
        for line in sys.stdin:
            sys.stdout.write(json.dumps(answer(aws, *json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
