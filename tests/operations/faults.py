"""A runbook whose calls fail one after the other, all in one environment, until it ends.

An environment for each fault would cost the square of the calls twice over. Here a run that goes on
after one fault meets the next, so that each run also shows that the one before it can be gone on
with, from all that the earlier ones left.
"""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import cycle
from traceback import walk_stack, walk_tb
from types import FrameType
from typing import Any, Final, NamedTuple

import botocore.exceptions
import typer

from operations import cli
from operations.errors import StoppedError
from operations.steps import looking, run_steps

READS: Final = ("Describe", "Get", "List", "Head", "Decrypt", "Encrypt")

# Around the steps, of none of which it is a part.
_ACCOUNTING: Final = "steps._account"

# What a runbook can do without: a display, the audit line, what is only tidied up.
NOT_NEEDED: Final = frozenset(
    {
        *("service.Phases.tell", _ACCOUNTING, "DeregisterTaskDefinition", "exec_task._end"),
        *("recover._afterwards", "recover._remove_all_the_same"),
    }
)
# Where these were made and their answers lost, that is noticed.
NOTICED: Final = frozenset({"RemoveTagsFromResource"})

# Waiting asks the same again and again; the first times tell of all.
_TIMES: Final = 2

# A title may hold when a run began, or up to when RDS has the data.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{8}-\d{6}|\d{8}T\d+Z")

# More than any runbook needs: its calls are not the same ones in each run.
_RUNS: Final = 300

_IN: Final = " > "


class Fault(StrEnum):
    THROTTLED = "throttled"
    DENIED = "denied"
    LOST = "made, and its answer lost"


class Call(NamedTuple):
    """One of the calls of a runbook, the same one in each run."""

    step: str
    operation: str
    by: str
    """The functions of `operations` that lead to it, the outermost first."""
    number: int
    """Of the calls of this operation by these functions in this step."""

    @property
    def changes(self) -> bool:
        return not self.operation.startswith(READS)

    @property
    def accounts(self) -> bool:
        return _ACCOUNTING in self.by

    @property
    def needed(self) -> bool:
        return NOT_NEEDED.isdisjoint({self.operation, *self.by.split(_IN)})


Ways = Callable[[Call], Sequence[Fault]]


def every_way() -> Ways:
    """Changes fail in all ways; what is only read, or not needed, in turn in one of the refusals.

    A read whose answer is lost is one that was not made.
    """
    refusals = cycle((Fault.THROTTLED, Fault.DENIED))

    def ways(call: Call) -> Sequence[Fault]:
        return list(Fault) if call.changes and call.needed else [next(refusals)]

    return ways


class Faults:
    """Lets calls fail by `happens`, each once in each of its ways, and at most one in a run.

    Those that stop nothing may fail beside it.
    """

    def __init__(self, happens: Callable[[Call, Fault], None], ways: Ways) -> None:
        self.met: dict[Call, list[Fault]] = {}
        self._left: dict[Call, list[Fault]] = {}
        self._happens, self._ways = happens, ways
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._call: Call | None = None
        self._spent = False
        self.fault: tuple[Call, Fault] | None = None
        """What this run cannot go on after."""
        self.changed: list[Call] = []
        """What this run has changed so far."""
        self.quiet = True

    def begin_run(self) -> None:
        self._seen.clear()
        self.changed.clear()
        self._spent, self.fault, self.quiet = False, None, True

    def before(self, model: Any, **_: Any) -> None:
        step, by = _where()
        named = (step, model.name, by)
        self._seen[named] += 1
        self._call = Call(*named, min(self._seen[named], _TIMES))
        self._fail(after=False)

    def after(self, http_response: Any, **_: Any) -> None:
        call = self._call
        if call and call.changes and call.needed and http_response.status_code < 300:
            self.changed.append(call)
        self._fail(after=True)

    def _fail(self, *, after: bool) -> None:
        call = self._call
        if call is None:
            return
        if call not in self._left:
            self._left[call] = list(self._ways(call))
        left = self._left[call]
        if not left or (left[0] is Fault.LOST) is not after:
            return
        if call.needed:
            if self._spent:
                return
            self._spent = True
            if not (after and call.operation in NOTICED):
                self.fault = (call, left[0])
        fault = left.pop(0)
        self.met.setdefault(call, []).append(fault)
        self.quiet = False
        self._call = None
        self._happens(call, fault)


def _where() -> tuple[str, str]:
    """The step that runs, as the runbook itself knows it, none before the first; and `Call.by`."""
    frames = [frame for frame, _ in walk_stack(None)]
    by = _functions(reversed(frames))
    steps = (frame.f_locals.get("step") for frame in frames if frame.f_code is run_steps.__code__)
    step = None if _ACCOUNTING in by else next(steps, None)
    return _timeless(step.title) if step else "", by


def _timeless(title: str) -> str:
    return _TIME.sub("…", title)


def _functions(frames: Iterable[FrameType]) -> str:
    modules = ((frame, str(frame.f_globals.get("__name__"))) for frame in frames)
    names = (
        f"{module.removeprefix('operations.')}.{frame.f_code.co_qualname}"
        for frame, module in modules
        if module.startswith("operations.")
    )
    return _IN.join(names)


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
    for _ in range(_RUNS):
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
            _check_claim(stopped, faults.changed)
            stopped_well(stopped)
        if faults.quiet:
            return faults.met
    raise AssertionError("it never ends")


def _raise(call: Call, fault: Fault) -> None:
    if fault is Fault.LOST:
        raise botocore.exceptions.ReadTimeoutError(endpoint_url="http://aws")
    code = "ThrottlingException" if fault is Fault.THROTTLED else "AccessDeniedException"
    raise botocore.exceptions.ClientError(
        {"Error": {"Code": code, "Message": fault}}, call.operation
    )


def _check_message(stopped: StoppedError, call: Call, fault: Fault) -> None:
    assert _timeless(stopped.failed) == (call.step or "look at what there is")
    _check_command(stopped.go_on)
    assert ("your role lacks this right" in stopped.reason) is (fault is Fault.DENIED)
    if fault is not Fault.LOST:
        assert call.operation in stopped.reason


def _check_command(go_on: str) -> None:
    """The way on is a command as the command line takes it, if nothing is left out of it."""
    (words,) = re.findall(r"^(?:run|wait for .*, or run) `([^`]+)`", go_on)
    rest = cli.common_options_first(["--stack", "staging", *shlex.split(words)])
    command: Any = typer.main.get_command(cli.app)
    name, parent = "operations", None
    while True:
        parent = command.make_context(name, rest, parent=parent)
        rest = [*parent._protected_args, *parent.args]
        if not (hasattr(command, "resolve_command") and rest):
            return
        name, command, rest = command.resolve_command(parent, rest)


def _check_claim(stopped: StoppedError, changed: Sequence[Call]) -> None:
    """What says that nothing was changed has changed nothing."""
    if not any("nothing was changed" in line for line in stopped.left):
        return
    frames = [frame for frame, _ in walk_tb(stopped.__traceback__)]
    inner = looking.__wrapped__.__code__  # type: ignore[attr-defined]
    runbook = _functions(frame for frame in frames if frame.f_code is not inner)
    assert not [call for call in changed if call.by.startswith(runbook)]
