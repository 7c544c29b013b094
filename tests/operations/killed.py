"""A runbook in processes that are killed after each of its changes in turn, until one ends.

Run as `python -m tests.operations.killed <runbook> <arguments>` it prints, as JSON, the calls after
which it was killed. A process of its own forks safely: it has one thread.
"""

import io
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import pytest
from rich.console import Console as RichConsole

from operations import deploy, migrate
from operations.aws import Aws
from operations.console import Console
from operations.platform import Platform
from operations.steps import Context
from tests.emulator import REPOSITORY
from tests.operations.faults import READS, Call, Fault, Faults, heard
from tests.operations.stack import run_program

REGION: Final = "ap-southeast-2"
SERVICES: Final = ("ecr", "ecs", "elbv2", "logs", "rds", "ssm")


def killed_after_each_change(runbook: str, *arguments: str) -> list[str]:
    """The operations after which it was killed, in their order; the last process ended well."""
    command = [sys.executable, "-m", "tests.operations.killed", runbook, *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return [Call(*call).operation for call in json.loads(ended.stdout)]


def _context(environment: str, aws: Aws) -> Context:
    console = Console(_err=RichConsole(file=io.StringIO()))
    return Context(Platform(environment), aws, console, yes=True, sleep=lambda _: None)


def _deploy(aws: Aws, version: str) -> None:
    deploy.deploy(_context("staging", aws), version)


def _migrate(aws: Aws, snapshot: str, health_url: str) -> None:
    how = migrate.Migration(health_url=health_url, rehearsal_health_url=health_url)
    migrate.migrate(_context("production", aws), _context("staging", aws), how, snapshot)


RUNBOOKS: Final[Mapping[str, Callable[..., None]]] = {"deploy": _deploy, "migrate": _migrate}


def _run(runbook: Callable[[], None], aws: Aws, killed: Sequence[Call]) -> Call | None:
    """Run it in a process that ends after the first change that is not among `killed`."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_killed(runbook, aws, killed, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if status == 0:
        return None
    if os.WTERMSIG(status) != signal.SIGKILL:
        raise SystemExit("it ended by itself, and not well")
    return Call(*json.loads(said))


def _be_killed(runbook: Callable[[], None], aws: Aws, killed: Sequence[Call], writer: int) -> None:
    def kill(call: Call, _: Fault) -> None:
        os.write(writer, json.dumps(call).encode())
        os.kill(os.getpid(), signal.SIGKILL)

    def ways(call: Call) -> Sequence[Fault]:
        return () if call in killed or call.operation.startswith(READS) else (Fault.LOST,)

    code = 1
    try:
        with heard([aws.client(service) for service in SERVICES], Faults(kill, ways)):
            runbook()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main(name: str, *arguments: str) -> None:
    aws, killed = Aws(REGION), list[Call]()
    runbook = partial(RUNBOOKS[name], aws, *arguments)
    # Made once, and for all processes.
    for service in SERVICES:
        aws.client(service)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploy, "pulumi_up", run_program)
        while call := _run(runbook, aws, killed):
            killed.append(call)
    sys.stdout.write(json.dumps(killed))


if __name__ == "__main__":
    main(*sys.argv[1:])
