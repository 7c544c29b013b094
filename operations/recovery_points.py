"""Points in time from which the database can be restored, and the choice among them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from operations.backup import check_snapshot_name, find_snapshot
from operations.errors import InputError, OperationError
from operations.objectives import DATABASE_RPO
from operations.steps import Context

# Between the database's name and a time: what an instance is called that was put aside.
DAMAGED: Final = "-damaged-"


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

    `resource_id` is of the instance whose automated backups have it, `snapshot` the name of one.
    `newest`: the backups reach no further.
    """

    time: datetime
    resource_id: str | None = None
    snapshot: str | None = None
    newest: bool = False

    def __str__(self) -> str:
        kind = f"snapshot {self.snapshot}" if self.snapshot else "point in time"
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
        return _from_snapshot(_require_snapshot(context, wish.snapshot))
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
    """Of the instance, and of those of its name that were deleted and left their backups."""
    backups = context.aws.pages(
        "rds",
        "describe_db_instance_automated_backups",
        "DBInstanceAutomatedBackups",
        DBInstanceIdentifier=context.platform.database,
    )
    for backup in backups:
        window = backup.get("RestoreWindow", {})
        if backup["Status"] in ("active", "retained") and "LatestTime" in window:
            earliest, latest = window["EarliestTime"], window["LatestTime"]
            if earliest <= wanted:
                reached = min(wanted, latest).astimezone(UTC)
                yield RecoveryPoint(
                    reached, resource_id=backup["DbiResourceId"], newest=wanted >= latest
                )


def _snapshot_points(context: Context, wanted: datetime) -> Iterator[RecoveryPoint]:
    where = {"DBInstanceIdentifier": context.platform.database}
    # Without a type RDS lists its own and the manual ones; AWS Backup's have a type of their own.
    for kind in ({}, {"SnapshotType": "awsbackup"}):
        found = context.aws.pages("rds", "describe_db_snapshots", "DBSnapshots", **where, **kind)
        for snapshot in found:
            if snapshot["Status"] == "available" and snapshot["SnapshotCreateTime"] <= wanted:
                yield _from_snapshot(snapshot)


def _from_snapshot(snapshot: Mapping[str, Any]) -> RecoveryPoint:
    time = snapshot["SnapshotCreateTime"].astimezone(UTC)
    return RecoveryPoint(time, snapshot=snapshot["DBSnapshotIdentifier"])


def _require_snapshot(context: Context, name: str) -> Mapping[str, Any]:
    snapshot = find_snapshot(context, name)
    if snapshot is None:
        raise OperationError(f"there is no snapshot {name}; see `backup list`")
    database, owner = context.platform.database, snapshot["DBInstanceIdentifier"]
    if owner != database and not owner.startswith(f"{database}{DAMAGED}"):
        raise OperationError(
            f"snapshot {name} is one of {owner}, not of {database}; choose another, see "
            "`backup list`"
        )
    if snapshot["Status"] != "available":
        raise OperationError(f"snapshot {name} is {snapshot['Status']}; recover from it afterwards")
    return snapshot
