"""Points in time from which the database can be restored, and the choice among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from operations.aws import or_none
from operations.backup import all_snapshots, check_snapshot_name, require_snapshot
from operations.database import PUT_ASIDE, data_time
from operations.errors import InputError, OperationError
from operations.objectives import DATABASE_RPO
from operations.steps import Context

_PUT_ASIDE_AT: Final = "%Y%m%d-%H%M%S"


def aside_name(database: str, at: datetime) -> str:
    """What the instance is called that is put aside by a recovery that began at that time, UTC."""
    return f"{database}{PUT_ASIDE}{at:{_PUT_ASIDE_AT}}"


@dataclass(frozen=True)
class Wish:
    """What to go back to: a time in UTC, a snapshot, or without both the latest there is."""

    at: datetime | None = None
    snapshot: str | None = None

    def __str__(self) -> str:
        if self.snapshot is not None:
            return f"snapshot {self.snapshot}"
        return "latest" if self.at is None else self.at.isoformat()

    @property
    def options(self) -> str:
        """As the command line takes it."""
        if self.snapshot is not None:
            return f" --snapshot {self.snapshot}"
        return "" if self.at is None else f" --at {self.at.isoformat()}"


LATEST: Final = Wish()


@dataclass(frozen=True)
class RecoveryPoint:
    """Up to `time` the data survives.

    `resource_id` is of the instance whose automated backups have it, and `put_aside` its name if an
    earlier recovery has put it aside; `snapshot` is the name of one. `newest`: the backups reach no
    further.
    """

    time: datetime
    resource_id: str | None = None
    snapshot: str | None = None
    newest: bool = False
    put_aside: str | None = None

    def __str__(self) -> str:
        kind = f"snapshot {self.snapshot}" if self.snapshot else "point in time"
        if self.put_aside is not None:
            kind += f" of {self.put_aside}"
        return f"{self.time:%Y-%m-%d %H:%M:%S} UTC ({kind})"


def make_wish(context: Context, at: str | None, snapshot: str | None) -> Wish:
    """Read what the command line says.

    Raises:
        InputError: both are given, the time cannot be read or is in the future, or the name is no
            snapshot's.
    """
    if at is not None and snapshot is not None:
        raise InputError("--at and --snapshot exclude each other: choose one recovery point")
    if snapshot is not None:
        check_snapshot_name(snapshot)
    return Wish(at=_time(context, at) if at is not None else None, snapshot=snapshot)


def _time(context: Context, text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--at {text}: must be a time such as 2026-07-01T02:00:00+10:00") from None
    if read.tzinfo is None:
        context.console.say(f"--at {text} names no zone: taken as UTC; Sydney is +10:00 or +11:00")
        read = read.replace(tzinfo=UTC)
    if read > datetime.now(UTC):
        raise InputError(f"--at {text}: must not be in the future")
    return read.astimezone(UTC)


def choose_point(context: Context, wish: Wish) -> RecoveryPoint:
    """The newest point at or before what is wished; of its snapshot, that.

    Automated backups come first while they reach within the objective of 15 minutes.

    Raises:
        OperationError: there is none, or the snapshot is not there, not ready or another's.
    """
    if wish.snapshot is not None:
        return _named_snapshot(context, wish.snapshot)
    wanted = wish.at or datetime.now(UTC)
    continuous = list(_points_in_time(context, wanted))
    points = [*continuous, *_snapshot_points(context, wanted)]
    if not points:
        raise OperationError(
            f"{context.platform.database} can be restored to no time at or before "
            f"{wanted:%Y-%m-%d %H:%M:%S} UTC: see `backup list`, and check --stack, --region and "
            "--profile. If the region is lost, follow docs/region-loss.md"
        )
    near = [point for point in continuous if wanted - point.time <= DATABASE_RPO]
    return max(near or points, key=lambda point: point.time)


def _points_in_time(context: Context, wanted: datetime) -> Iterator[RecoveryPoint]:
    """Of the instance, of those that were put aside, and of those that left their backups."""
    database = context.platform.database
    operation, items = "describe_db_instance_automated_backups", "DBInstanceAutomatedBackups"
    # Asked for one name, RDS answers with those of an instance that has it now.
    backups = or_none(
        lambda: list(context.aws.pages("rds", operation, items)),
        "DBInstanceAutomatedBackupNotFound",
    )
    # Backups of an instance that was renamed need not say so.
    names = {
        one["DbiResourceId"]: one["DBInstanceIdentifier"]
        for one in context.aws.pages("rds", "describe_db_instances", "DBInstances")
    }
    for backup in backups or ():
        name = names.get(backup["DbiResourceId"], backup["DBInstanceIdentifier"])
        window = backup.get("RestoreWindow", {})
        until = _was_database_until(context, name)
        usable = backup["Status"] in ("active", "retained") and "LatestTime" in window
        if until is None or not usable:
            continue
        latest = window["LatestTime"]
        reached = min(wanted, latest, until)
        if window["EarliestTime"] <= reached:
            yield RecoveryPoint(
                reached.astimezone(UTC),
                resource_id=backup["DbiResourceId"],
                newest=reached == latest,
                put_aside=name if name != database else None,
            )


def _snapshot_points(context: Context, wanted: datetime) -> Iterator[RecoveryPoint]:
    for snapshot in all_snapshots(context):
        until = _was_database_until(context, snapshot["DBInstanceIdentifier"])
        time = data_time(snapshot)
        if snapshot["Status"] != "available" or until is None or time is None:
            continue
        if time <= min(wanted, until):
            yield RecoveryPoint(time.astimezone(UTC), snapshot=snapshot["DBSnapshotIdentifier"])


def _was_database_until(context: Context, name: str) -> datetime | None:
    """Until when the instance of that name was the database; None where it never was.

    What one that was put aside has of the time after that is nobody's data.
    """
    database = context.platform.database
    if name == database:
        return datetime.max.replace(tzinfo=UTC)
    try:
        return datetime.strptime(name, f"{database}{PUT_ASIDE}{_PUT_ASIDE_AT}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _named_snapshot(context: Context, name: str) -> RecoveryPoint:
    snapshot = require_snapshot(context, name)
    time = data_time(snapshot)
    if snapshot["Status"] != "available" or time is None:
        raise OperationError(f"snapshot {name} is {snapshot['Status']}; recover from it afterwards")
    return RecoveryPoint(time.astimezone(UTC), snapshot=name)
