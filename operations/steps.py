"""A runbook as a list of steps: shown, run, and accounted for wherever it stops."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from operations.audit import write_audit_line
from operations.aws import Aws, error_code, is_aws_failure, wait_until
from operations.errors import OperationError, StoppedError
from operations.platform import Platform
from operations.reporter import LogReporter, Reporter


@dataclass(frozen=True)
class Context:
    """Where a runbook works, and how it talks."""

    platform: Platform
    aws: Aws
    console: Reporter = field(default_factory=LogReporter)
    dry_run: bool = False
    yes: bool = False
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def wait(
        self, ready: Callable[[], bool], *, what: str, minutes: float, interval: float = 15
    ) -> None:
        """Wait for something that AWS does; `OperationError` when it takes too long."""
        wait_until(
            ready,
            what=what,
            seconds=minutes * 60,
            interval=interval,
            tell=self.console.say,
            sleep=self.sleep,
        )


@contextmanager
def looking(go_on: str) -> Iterator[None]:
    """What a runbook reads before its first step.

    Raises:
        StoppedError: AWS refused a call, or could not be reached; nothing was changed.
    """
    try:
        yield
    except Exception as error:
        if not is_aws_failure(error):
            raise
        left = ("everything else: nothing was changed",)
        raise StoppedError(_reason(error), (), "look at what there is", left, go_on) from error


@dataclass(frozen=True)
class Step:
    """`title` says what is done, in words that make sense after "done:" and "not done:"."""

    title: str
    action: Callable[[], None]


def run_steps(
    context: Context, command: str, steps: Sequence[Step], *, go_on: str, **about: Any
) -> bool:
    """Run the steps in order; False where they were only shown.

    Each run leaves one line in the audit log, `about` in it, however it ended. `about` holds no
    secret.

    Raises:
        StoppedError: a step failed. Steps can be repeated, so running the command again goes on.
    """
    if context.dry_run:
        if context.console.as_json:
            context.console.result({"would": [step.title for step in steps]}, command)
        else:
            for step in steps:
                context.console.say(f"would: {step.title}")
        return False
    done: list[str] = []
    for step in steps:
        context.console.say(step.title)
        try:
            step.action()
        except Exception as error:
            if not isinstance(error, OperationError) and not is_aws_failure(error):
                raise
            left = [other.title for other in steps[len(done) + 1 :]]
            stopped = StoppedError(_reason(error), done, step.title, left, go_on)
            _account(context, command, about, done, stopped)
            raise stopped from error
        except KeyboardInterrupt as error:
            left = [other.title for other in steps[len(done) + 1 :]]
            stopped = StoppedError("it was interrupted", done, step.title, left, go_on)
            _account(context, command, about, done, stopped)
            raise stopped from error
        done.append(step.title)
    _account(context, command, about, done, None)
    return True


def _reason(error: Exception) -> str:
    code = error_code(error)
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return f"{error}; your role lacks this right, ask the platform team for it"
    return str(error)


def _account(
    context: Context,
    command: str,
    about: Mapping[str, Any],
    done: Sequence[str],
    stopped: StoppedError | None,
) -> None:
    """Accounting must not hide how the runbook ended."""
    entry = {
        "command": command,
        **about,
        "done": list(done),
        "outcome": "done" if stopped is None else "stopped",
        **({"failed": stopped.failed, "reason": stopped.reason} if stopped else {}),
    }
    try:
        write_audit_line(context.aws, context.platform, entry)
    except Exception as error:
        if not is_aws_failure(error):
            raise
        context.console.say(f"warning: the audit log has no line of this: {error}")
