"""The daily backup: begun at night, and brought to its end by later runs, none of which waits.

Its record is the snapshot, as for every backup. RDS and the record say together what comes next:

    no snapshot -> creating -> available -> exporting -> exported, pruned: result recorded
                       \\-> failed              \\-> failed three times, cancelled: result recorded

A result that is recorded is the end: what failed before is done again by the next run. Runs may
come twice, late or at the same time, as EventBridge Scheduler's do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any, Final

from operations.backup import (
    MANUAL,
    export_backup,
    exports_of,
    is_cancelled,
    is_running,
    prune_backups,
    record_result,
    result_of,
    snapshots_of,
    take_snapshot,
)
from operations.errors import OperationError
from operations.steps import Context, Step, looking, run_steps

# The hour of the documentation's schedule, where the schedule has no hour missing: UTC+10 all year.
HOUR: Final = 2
ZONE: Final = timezone(timedelta(hours=10))

COMPLETED: Final = "completed"
CANCELLED: Final = "cancelled"

# Of which an unfinished record is still brought to its end.
DAYS: Final = 3
ATTEMPTS: Final = 3

_GO_ON: Final = "run `backup daily`, or wait for the function's next run; both go on"


@dataclass(frozen=True)
class Target:
    """Where exports go, and the role with which RDS writes them."""

    bucket: str
    role_arn: str


def daily_name(context: Context, day: datetime) -> str:
    """The snapshot of a day; the same however often the day's run comes."""
    return f"{MANUAL}{context.platform.environment}-daily-{day:%Y%m%d}"


def begin(context: Context, *, now: datetime | None = None) -> str:
    """Begin the day's backup, unless it has been; its name."""
    name = daily_name(context, (now or datetime.now(UTC)).astimezone(ZONE))
    step = Step(f"take snapshot {name}", partial(take_snapshot, context, name))
    run_steps(context, "daily backup begin", [step], go_on=_GO_ON, backup=name)
    return name


def advance(
    context: Context,
    target: Target,
    *,
    tell: Callable[[], None] | None = None,
    now: datetime | None = None,
) -> dict[str, str]:
    """Bring each unfinished backup one step further; what became of each, by name.

    A day's backup that could not be begun in its hour is begun here. `tell` is called before the
    result of one that succeeded is recorded, and again if that was not possible.

    Raises:
        OperationError: one has failed for good. The others were brought further all the same.
    """
    today = (now or datetime.now(UTC)).astimezone(ZONE)
    with looking(_GO_ON):
        found = {one["DBSnapshotIdentifier"]: one for one in snapshots_of(context)}
    states: dict[str, str] = {}
    name = daily_name(context, today)
    if name not in found and today.hour >= HOUR:
        states[begin(context, now=now)] = "begun"
    errors = []
    for day in range(DAYS):
        snapshot = found.get(daily_name(context, today - timedelta(days=day)))
        if snapshot is None or result_of(snapshot) is not None:
            continue
        try:
            states[snapshot["DBSnapshotIdentifier"]] = _advance_one(context, snapshot, target, tell)
        except OperationError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise OperationError("; ".join(str(error) for error in errors))
    return states


def _advance_one(
    context: Context, snapshot: Mapping[str, Any], target: Target, tell: Callable[[], None] | None
) -> str:
    name, status = snapshot["DBSnapshotIdentifier"], snapshot["Status"]
    if status == "failed":
        _record(context, snapshot, "failed: no snapshot")
        raise OperationError(
            f"RDS could not take snapshot {name}; see the database's events in the RDS console, "
            "and run `backup create`"
        )
    if status != "available":
        return f"snapshot {status}"
    with looking(_GO_ON):
        tasks = exports_of(context, snapshot["DBSnapshotArn"])
    if any(task["Status"].upper() == "COMPLETE" for task in tasks):
        prune_backups(replace(context, yes=True))
        telling = [Step("tell that it succeeded", tell)] if tell else []
        _record(context, snapshot, COMPLETED, telling)
        return COMPLETED
    if any(is_running(task) for task in tasks):
        return "exporting"
    if tasks and is_cancelled(tasks[-1]):
        # By a person, who would meet the next one a quarter of an hour later.
        _record(context, snapshot, CANCELLED)
        return CANCELLED
    if len(tasks) >= ATTEMPTS:
        _record(context, snapshot, "failed: no export")
        raise OperationError(
            f"the export of {name} failed {ATTEMPTS} times, last: {tasks[-1].get('FailureCause')}; "
            f"put that right, and run `backup export {name}`"
        )
    export_backup(context, name, bucket=target.bucket, role_arn=target.role_arn)
    return "export begun"


def _record(
    context: Context, snapshot: Mapping[str, Any], result: str, before: Sequence[Step] = ()
) -> None:
    name = snapshot["DBSnapshotIdentifier"]
    step = Step(
        f"record result of {name}: {result}",
        partial(record_result, context, snapshot["DBSnapshotArn"], result),
    )
    steps = [*before, step]
    run_steps(context, "daily backup result", steps, go_on=_GO_ON, backup=name, result=result)
