"""A runbook whose calls fail one after the other, all in one environment, until it ends.

An environment for each fault (`tests.operations.stack.fails_and_goes_on`) costs the square of the
calls twice over. Here a run that goes on after one fault meets the next, so that each run also
shows that the one before it can be gone on with, from all that the earlier ones left.
"""

import sys
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import cycle
from typing import Any, Final, NamedTuple

import botocore.exceptions

from operations.errors import StoppedError
from operations.steps import run_steps

READS: Final = ("Describe", "Get", "List", "Head")

# What a runbook can do without: a display, the audit line, what is only tidied up.
NOT_NEEDED: Final = (
    *("ListServiceDeployments", "DescribeServiceDeployments", "DeregisterTaskDefinition"),
    *("CreateLogStream", "PutLogEvents", "GetCallerIdentity"),
)

# Waiting asks the same again and again; the first times tell of all.
_TIMES: Final = 2


class Fault(StrEnum):
    THROTTLED = "throttled"
    DENIED = "denied"
    LOST = "made, and its answer lost"


class Call(NamedTuple):
    """One of the calls of a runbook, the same one in each run."""

    step: str
    operation: str
    number: int
    """Of the calls of this operation in this step."""


Ways = Callable[[Call], Sequence[Fault]]


def every_way() -> Ways:
    """Changes fail in all ways; what is only read, or not needed, in turn in one of the refusals.

    A read whose answer is lost is one that was not made.
    """
    refusals = cycle((Fault.THROTTLED, Fault.DENIED))

    def ways(call: Call) -> Sequence[Fault]:
        if call.operation.startswith(READS) or call.operation in NOT_NEEDED:
            return [next(refusals)]
        return list(Fault)

    return ways


class Faults:
    """Lets calls fail by `happens`, each once in each of its ways, and at most one in a run.

    Those that are not needed may fail beside it: they stop nothing.
    """

    def __init__(self, happens: Callable[[Call, Fault], None], ways: Ways) -> None:
        self.met: dict[Call, list[Fault]] = {}
        self._left: dict[Call, list[Fault]] = {}
        self._happens, self._ways = happens, ways
        self._seen: Counter[tuple[str, str]] = Counter()
        self._call: Call | None = None
        self.fault: tuple[Call, Fault] | None = None
        self.quiet = True

    def begin_run(self) -> None:
        self._seen.clear()
        self.fault, self.quiet = None, True

    def before(self, model: Any, **_: Any) -> None:
        named = (_step(), model.name)
        self._seen[named] += 1
        self._call = Call(*named, min(self._seen[named], _TIMES))
        self._fail(after=False)

    def after(self, **_: Any) -> None:
        self._fail(after=True)

    def _fail(self, *, after: bool) -> None:
        call = self._call
        if call is None or (self.fault and call.operation not in NOT_NEEDED):
            return
        if call not in self._left:
            self._left[call] = list(self._ways(call))
        left = self._left[call]
        if not left or (left[0] is Fault.LOST) is not after:
            return
        fault = left.pop(0)
        self.met.setdefault(call, []).append(fault)
        self.quiet = False
        if call.operation not in NOT_NEEDED:
            self.fault = (call, fault)
        self._call = None
        self._happens(call, fault)


def _step() -> str:
    """The step that runs, as the runbook itself knows it; none before the first."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code is run_steps.__code__:
            return str(frame.f_locals["step"].title)
    return ""


@contextmanager
def heard(clients: Sequence[Any], faults: Faults) -> Iterator[None]:
    """Have the calls of these clients fail."""
    for client in clients:
        client.meta.events.register("before-call", faults.before)
        client.meta.events.register("after-call", faults.after)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", faults.before)
            client.meta.events.unregister("after-call", faults.after)


def fails_at_every_call(
    clients: Sequence[Any],
    runbook: Callable[[], object],
    stopped_well: Callable[[StoppedError], None],
    spared: Container[str] = (),
) -> Mapping[Call, Sequence[Fault]]:
    """Run it again and again, until nothing fails any more; what failed, and how.

    `stopped_well` looks at what a run has left, and at what it has said about that. In the steps
    `spared` nothing fails.
    """
    ways = every_way()
    faults = Faults(_raise, lambda call: [] if call.step in spared else ways(call))
    while not faults.quiet or not faults.met:
        faults.begin_run()
        stopped = None
        with heard(clients, faults):
            try:
                runbook()
            except StoppedError as error:
                stopped = error
        assert (stopped is None) == (faults.fault is None), faults.fault
        if stopped and faults.fault:
            _check_message(stopped, *faults.fault)
            stopped_well(stopped)
    return faults.met


def _raise(call: Call, fault: Fault) -> None:
    if fault is Fault.LOST:
        raise botocore.exceptions.ReadTimeoutError(endpoint_url="http://aws")
    code = "ThrottlingException" if fault is Fault.THROTTLED else "AccessDeniedException"
    raise botocore.exceptions.ClientError(
        {"Error": {"Code": code, "Message": fault}}, call.operation
    )


def _check_message(stopped: StoppedError, call: Call, fault: Fault) -> None:
    assert stopped.failed == (call.step or "look at what there is")
    assert "run `" in stopped.go_on
    assert ("your role lacks this right" in stopped.reason) is (fault is Fault.DENIED)
    if fault is not Fault.LOST:
        assert call.operation in stopped.reason
