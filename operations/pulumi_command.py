"""The `pulumi` command, for the runbooks that change what the program owns."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from operations.errors import OperationError
from operations.steps import Context

REPOSITORY: Final = Path(__file__).resolve().parents[1]

# Seconds between two looks at what the update does.
_INTERVAL: Final = 10
_STDERR: Final = 2


def pulumi(context: Context, *arguments: str, given: str | None = None) -> str:
    """Run a command of pulumi out of sight; its output. `given` goes to its standard input.

    Raises:
        OperationError: with what pulumi said.
    """
    result = subprocess.run(
        _command(context, *arguments),
        cwd=REPOSITORY,
        env=_environment(context),
        input=given or "",
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        said = (result.stderr or result.stdout).strip()
        raise OperationError(f"`pulumi {' '.join(arguments[:3])}` failed: {said}")
    return result.stdout


def stack_output(context: Context, name: str) -> str:
    """One output of the stack.

    Raises:
        OperationError: the stack has no such output.
    """
    outputs = json.loads(pulumi(context, "stack", "output", "--json"))
    if name not in outputs:
        raise OperationError(
            f"stack {context.platform.environment} has no output {name}; run `pulumi up` first"
        )
    return str(outputs[name])


def pulumi_up(context: Context, meanwhile: Callable[[], None]) -> None:
    """Update the stack with every policy pack; `meanwhile` is called now and then.

    Raises:
        OperationError: pulumi refused or failed; it has said why.
    """
    packs = sorted(path.parent for path in REPOSITORY.glob("policies/*/PulumiPolicy.yaml"))
    options = [word for pack in packs for word in ("--policy-pack", str(pack))]
    # What pulumi says is progress; standard output is for our own result.
    process = subprocess.Popen(
        _command(context, "up", "--yes", *options),
        cwd=REPOSITORY,
        env=_environment(context),
        stdin=subprocess.DEVNULL,
        stdout=_STDERR,
    )
    while True:
        try:
            code = process.wait(timeout=_INTERVAL)
        except subprocess.TimeoutExpired:
            meanwhile()
        except KeyboardInterrupt:
            # It was interrupted too, and ends in its own time, with the state saved.
            process.wait()
            raise
        else:
            break
    if code:
        raise OperationError(f"`pulumi up` ended with {code}; it has said why above")


def _command(context: Context, *arguments: str) -> list[str]:
    if shutil.which("pulumi") is None:
        raise OperationError("pulumi is not on PATH: install it, or run this in `make shell`")
    return ["pulumi", *arguments, "--stack", context.platform.environment, "--non-interactive"]


def _environment(context: Context) -> dict[str, str]:
    profile = {"AWS_PROFILE": context.aws.profile} if context.aws.profile else {}
    return {**os.environ, "AWS_REGION": context.aws.region, **profile}
