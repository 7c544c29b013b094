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

# Go's SDK takes these before a profile, and boto3 the profile: each would be somebody else.
_CREDENTIALS: Final = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


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


def refresh_of(urn: str) -> list[str]:
    """The arguments that let Pulumi read one resource of the stack anew."""
    return ["refresh", "--yes", "--skip-preview", "--target", urn]


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
    try:
        while _runs(process):
            meanwhile()
    finally:
        # It holds the stack's lock. One that was interrupted with us ends in its own time, with the
        # state saved.
        code = process.wait()
    if code:
        raise OperationError(f"`pulumi up` ended with {code}; it has said why above")


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Whether it still does after a while."""
    try:
        process.wait(timeout=_INTERVAL)
    except subprocess.TimeoutExpired:
        return True
    return False


def _command(context: Context, *arguments: str) -> list[str]:
    if shutil.which("pulumi") is None:
        raise OperationError("pulumi is not on PATH: install it, or run this in `make shell`")
    return ["pulumi", *arguments, "--stack", context.platform.environment, "--non-interactive"]


def _environment(context: Context) -> dict[str, str]:
    environment = {**os.environ, "AWS_REGION": context.aws.region}
    if not context.aws.profile:
        return environment
    kept = {name: value for name, value in environment.items() if name not in _CREDENTIALS}
    return {**kept, "AWS_PROFILE": context.aws.profile}
