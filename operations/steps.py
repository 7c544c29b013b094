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
    context: Context,
    command: str,
    steps: Sequence[Step],
    *,
    go_on: str,
    audited_first: bool = False,
    **about: Any,
) -> bool:
    """Run the steps in order; False where they were only shown.

    Each run leaves two lines in the audit log, `about` in both: one before its first step, which
    alone tells of a run that was killed, and one that says how it ended. `about` holds no secret.
    With `audited_first` nothing is done if the first line cannot be written.

    Raises:
        StoppedError: a step failed. Steps can be repeated, so running the command again goes on.
    """
    entry = {"command": command, **about}
    begun = {**entry, "outcome": "begun"}
    if audited_first:
        audit = Step("audit it", lambda: write_audit_line(context.aws, context.platform, begun))
        steps = [audit, *steps]
    if context.dry_run:
        show_steps(context, command, [step.title for step in steps])
        return False
    if not audited_first:
        _account(context, begun)
    done: list[str] = []
    for step in steps:
        context.console.say(step.title)
        try:
            step.action()
        except BaseException as error:
            left = [other.title for other in steps[len(done) + 1 :]]
            stopped = StoppedError(_reason(error), done, step.title, left, go_on)
            end = {"outcome": "stopped", "failed": step.title, "reason": stopped.reason}
            _account(context, {**entry, "done": done, **end})
            if is_expected(error):
                raise stopped from error
            context.console.say(str(stopped))
            raise
        done.append(step.title)
    _account(context, {**entry, "done": done, "outcome": "done"})
    return True


def show_steps(context: Context, command: str, titles: Sequence[str]) -> None:
    """What a dry run answers."""
    if context.console.as_json:
        context.console.result({"would": list(titles)}, command)
    else:
        for title in titles:
            context.console.say(f"would: {title}")


def is_expected(error: BaseException) -> bool:
    """Whether it is said in words; any other error is a fault of ours, and keeps its traceback."""
    return isinstance(error, OperationError | KeyboardInterrupt) or is_aws_failure(error)


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    if not is_expected(error):
        # Nobody has thought of what its text may hold, and the audit log keeps it for years.
        return f"an error that nobody has thought of, {type(error).__name__}"
    code = error_code(error)
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return f"{error}; your role lacks this right, ask the platform team for it"
    return str(error)


def _account(context: Context, entry: Mapping[str, Any]) -> None:
    """Accounting must neither stop a runbook nor hide how it ended."""
    try:
        write_audit_line(context.aws, context.platform, entry)
    except Exception as error:
        if not is_aws_failure(error):
            raise
        context.console.say(f"warning: the audit log has no line of this: {error}")
