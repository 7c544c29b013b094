"""What goes wrong in a runbook, in words that a person can act on."""

from collections.abc import Sequence


class OperationError(Exception):
    """Nothing was changed by what failed; the message says what is wrong, where, and what to do."""


class InputError(OperationError):
    """Refused before any call was made."""


class StoppedError(OperationError):
    """A runbook stopped half-way: what it did, what it did not, and how to go on.

    Attributes:
        done: the steps that were finished, in order.
        failed: the step that was not.
        left: the steps after it.
        go_on: what to do once the cause is mended.
    """

    def __init__(
        self, reason: str, done: Sequence[str], failed: str, left: Sequence[str], go_on: str
    ) -> None:
        self.reason, self.go_on = reason, go_on
        self.done, self.failed, self.left = tuple(done), failed, tuple(left)
        lines = [f"stopped at: {failed}", f"  because: {reason}"]
        lines += [f"  done: {title}" for title in done]
        lines += [f"  not done: {title}" for title in left]
        super().__init__("\n".join([*lines, f"  to go on: {go_on}"]))
