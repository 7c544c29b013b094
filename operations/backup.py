"""Backups of the database: snapshots, their export, and restoring one beside the original.

The record of a backup is its snapshot: RDS keeps id, size, time and status, and the tag
`BackupType`, given in the same call, says what it was made for. So no record can be missing,
outlive its backup or contradict it, and no bucket has to exist before the first backup. What was
pruned stays in the audit log.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from operations.aws import or_none
from operations.database import (
    check_instance_name,
    data_time,
    find_instance,
    modify_when_ready,
    require_instance,
    restore_parameters,
    settings_after_restore,
    tags_of,
    unlike,
    wait_for_instance,
    was_database,
)
from operations.errors import InputError, OperationError
from operations.objectives import DATABASE_RPO
from operations.pulumi_command import stack_output
from operations.steps import Context, Step, looking, run_steps

MANUAL: Final = "manual-backup-"
PRE_MIGRATION: Final = "pre-migration-"

TYPES: Final = {MANUAL: "manual", PRE_MIGRATION: "pre-migration"}
TYPE_TAG: Final = "BackupType"
RESULT_TAG: Final = "BackupResult"
RESTORED_FROM_TAG: Final = "RestoredFrom"

# RDS user guide, "Quotas and constraints": manual snapshots a region; all instances share them.
SNAPSHOT_QUOTA: Final = 100
# What pruning leaves free, for final snapshots and those of migrations.
SNAPSHOT_RESERVE: Final = 10
# Whatever their age: a database whose backups have stopped keeps its last ones.
NEWEST_KEPT: Final = 3

RETENTION_DAYS: Final = 30
# A backup a day, and two hours in which it may run.
FRESH_HOURS: Final = 26

_SNAPSHOT_MINUTES: Final = 180
_EXPORT_MINUTES: Final = 600
_SNAPSHOT_NAME: Final = re.compile(r"[a-z](-?[a-z0-9])*")
_SNAPSHOT_MISSING: Final = "DBSnapshotNotFound"
# DescribeDBSnapshots finds no other than a manual one without its type.
_KINDS: Final = {"rds:": "automated", "awsbackup:": "awsbackup"}
_CANCELLING: Final = "CANCELING"
_CANCELLED: Final = "CANCELED"
_EXPORT_RUNS: Final = ("STARTING", "IN_PROGRESS", _CANCELLING)


@dataclass(frozen=True)
class BackupRecord:
    """One backup; sizes in GiB, `time` in UTC and None until RDS has begun.

    `result` is what became of a daily one, once it has come to its end.
    """

    id: str
    type: str
    size_gib: int
    time: datetime | None
    status: str
    export: str | None
    result: str | None = None

    @classmethod
    def of(cls, snapshot: Mapping[str, Any], exports: Mapping[str, str]) -> "BackupRecord":
        return cls(
            id=snapshot["DBSnapshotIdentifier"],
            type=tags_of(snapshot).get(TYPE_TAG, snapshot["SnapshotType"]),
            size_gib=snapshot["AllocatedStorage"],
            time=data_time(snapshot),
            status=snapshot["Status"],
            export=exports.get(snapshot["DBSnapshotArn"]),
            result=result_of(snapshot),
        )


def backup_name(context: Context, prefix: str = MANUAL) -> str:
    """A new snapshot's name; snapshots of all environments share one space of names."""
    return f"{prefix}{context.platform.environment}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def create_backup(context: Context, name: str | None = None, *, wait: bool = True) -> BackupRecord:
    """Take a snapshot; with the name of one that was begun, go on with it.

    Raises:
        InputError: the name is none of ours, or not RDS's.
    """
    name = name or backup_name(context)
    check_snapshot_name(name)
    kind = _type(name)
    if kind is None:
        raise InputError(f"--name {name}: must begin with {MANUAL} or {PRE_MIGRATION}")
    go_on = f"run `backup create --name {name}` again; it goes on with this snapshot"
    with looking(go_on):
        require_instance(context)
        if _own_snapshot(context, name) is None:
            _check_quota(context)
    steps = [Step(f"take snapshot {name}", partial(take_snapshot, context, name))]
    if wait:
        steps.append(Step(f"wait for snapshot {name}", partial(wait_for_snapshot, context, name)))
    records = [BackupRecord(name, kind, 0, None, "not taken", None)]
    read = partial(_add_record, context, name, records)
    steps.append(Step(f"read the record of {name}", read))
    run_steps(context, "backup create", steps, go_on=go_on, backup=name)
    return records[-1]


def _add_record(context: Context, name: str, records: list[BackupRecord]) -> None:
    records.append(BackupRecord.of(require_snapshot(context, name), {}))


def take_snapshot(context: Context, name: str) -> None:
    """Begin a snapshot, unless it exists: then a run before this one has begun it."""
    if _own_snapshot(context, name) is not None:
        return
    tags = {TYPE_TAG: _type(name) or "", "Environment": context.platform.environment}
    rds = context.aws.client("rds")
    # Another run at the same time may have been quicker.
    or_none(
        lambda: rds.create_db_snapshot(
            DBInstanceIdentifier=context.platform.database,
            DBSnapshotIdentifier=name,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        ),
        "DBSnapshotAlreadyExists",
    )


def wait_for_snapshot(context: Context, name: str) -> None:
    def available() -> bool:
        status = require_snapshot(context, name)["Status"]
        if status == "failed":
            raise OperationError(
                f"RDS could not take snapshot {name}; see the database's events in the RDS "
                "console, delete it, and take another"
            )
        return bool(status == "available")

    context.wait(available, what=f"snapshot {name}", minutes=_SNAPSHOT_MINUTES)


def list_backups(context: Context) -> list[BackupRecord]:
    """Every snapshot of the database, RDS's and AWS Backup's own included, the newest first."""
    with looking("run `backup list` again"):
        exports = _exports(context)
        records = [BackupRecord.of(found, exports) for found in snapshots_of(context)]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(records, key=lambda record: record.time or oldest, reverse=True)


def verify_backup(
    context: Context, name: str | None = None, *, fresh_hours: int = FRESH_HOURS
) -> BackupRecord:
    """Check that a backup can be restored as far as RDS tells.

    Without a name that is the newest `manual-backup-…`, which must be fresh, and the database must
    have a point in time within its objective: RDS's own snapshots would hide that either stopped.

    Raises:
        OperationError: with all that is wrong with it.
    """
    if name is not None:
        check_snapshot_name(name)
    if fresh_hours < 1:
        raise InputError(f"--fresh-hours {fresh_hours}: must be 1 or more")
    known = list_backups(context)
    # One that is being taken says nothing yet of those before it.
    records = [
        record
        for record in known
        if record.id == name
        or (not name and record.id.startswith(MANUAL) and record.status != "creating")
    ]
    if not records:
        missing = f"{name}; see `backup list`" if name else f"{MANUAL}…; run `backup create`"
        raise OperationError(f"{context.platform.database} has no backup {missing}")
    record = records[0]
    with looking("run `backup verify` again"):
        snapshot = require_snapshot(context, record.id)
        problems = _problems(context, record, snapshot, None if name else fresh_hours)
        said = [f"backup {record.id} is not good", *problems] if problems else []
        if name is None:
            said += _problems_of_points_in_time(require_instance(context))
    if said:
        raise OperationError("; ".join(said))
    return record


def _problems_of_points_in_time(instance: Mapping[str, Any]) -> list[str]:
    # RDS user guide, "Restoring to a specified time": logs go to S3 every five minutes, so that
    # the objective itself leaves two of them out.
    latest = instance.get("LatestRestorableTime")
    behind = datetime.now(UTC) - latest if latest else None
    if behind is not None and behind <= DATABASE_RPO:
        return []
    reached = "no point in time"
    if behind is not None:
        reached = f"no later time than {behind.total_seconds() / 60:.0f} minutes ago"
    return [
        f"{instance['DBInstanceIdentifier']} can be restored to {reached}, and the objective is "
        f"{DATABASE_RPO.total_seconds() / 60:.0f} minutes: see its events in the RDS console, its "
        "status, and its BackupRetentionPeriod"
    ]


def _problems(
    context: Context, record: BackupRecord, snapshot: Mapping[str, Any], fresh_hours: int | None
) -> list[str]:
    problems = []
    if record.status != "available":
        problems.append(f"its status is {record.status}")
    if fresh_hours and (
        record.time is None or datetime.now(UTC) - record.time > timedelta(hours=fresh_hours)
    ):
        problems.append(
            f"it is the newest, and older than {fresh_hours} hours: run `backup create`, and see "
            "why the function does not"
        )
    if not snapshot["Encrypted"]:
        problems.append("it is not encrypted")
    else:
        key = context.aws.client("kms").describe_key(KeyId=snapshot["KmsKeyId"])["KeyMetadata"]
        if key["KeyState"] != "Enabled":
            problems.append(
                f"its key {key['KeyId']} is {key['KeyState']}, so that nobody can read it: run "
                "`aws kms cancel-key-deletion` or `aws kms enable-key`"
            )
    if record.export in ("FAILED", _CANCELLED):
        problems.append(f"its export is {record.export}: run `backup export {record.id}`")
    return problems


def export_backup(
    context: Context,
    name: str,
    *,
    bucket: str | None = None,
    role_arn: str | None = None,
    wait: bool = False,
) -> str:
    """Export a snapshot to S3 as Parquet; the export's identifier.

    An export that runs or is complete is not begun again; one that failed is.
    """
    check_snapshot_name(name)
    go_on = (
        f"run `backup export {name}` again with the same options; an export that has begun goes on "
        "by itself"
    )
    with looking(go_on):
        snapshot = require_snapshot(context, name)
        if snapshot["Status"] != "available":
            raise OperationError(f"snapshot {name} is {snapshot['Status']}; export it afterwards")
        tasks = exports_of(context, snapshot["DBSnapshotArn"])
    if tasks and tasks[-1]["Status"].upper() == _CANCELLING:
        raise OperationError(
            f"export {tasks[-1]['ExportTaskIdentifier']} is being cancelled; export {name} once "
            f"`backup list` shows that as {_CANCELLED}"
        )
    good = [task for task in tasks if is_running(task) or task["Status"].upper() == "COMPLETE"]
    # RDS takes 60 characters, and never the name of an earlier export again.
    identifier = good[0]["ExportTaskIdentifier"] if good else _export_name(name, len(tasks))
    where = {
        "S3BucketName": bucket or stack_output(context, "export_bucket_name"),
        "IamRoleArn": role_arn or stack_output(context, "export_role_arn"),
    }

    def begin() -> None:
        if good:
            return
        rds = context.aws.client("rds")
        # Another run at the same time may have been quicker.
        or_none(
            lambda: rds.start_export_task(
                ExportTaskIdentifier=identifier,
                SourceArn=snapshot["DBSnapshotArn"],
                S3Prefix=f"database/{context.platform.environment}",
                KmsKeyId=snapshot["KmsKeyId"],
                **where,
            ),
            "ExportTaskAlreadyExists",
        )

    def complete() -> bool:
        (task,) = context.aws.client("rds").describe_export_tasks(ExportTaskIdentifier=identifier)[
            "ExportTasks"
        ]
        status = task["Status"].upper()
        if status in ("FAILED", _CANCELLED):
            raise OperationError(f"export {identifier} is {status}: {task.get('FailureCause')}")
        return bool(status == "COMPLETE")

    steps = [Step(f"export snapshot {name} to {where['S3BucketName']}", begin)]
    if wait:
        steps.append(
            Step(
                f"wait for export {identifier}",
                partial(
                    context.wait, complete, what=f"export {identifier}", minutes=_EXPORT_MINUTES
                ),
            )
        )
    run_steps(context, "backup export", steps, go_on=go_on, backup=name, export=identifier)
    return str(identifier)


def restore_backup(context: Context, name: str, target: str | None = None) -> str:
    """Restore a snapshot to a new instance that is set up like the database; its identifier.

    The database itself is not touched. An instance that an earlier run began from the same
    snapshot is gone on with.
    """
    source = context.platform.database
    target = target or f"{source}-restore"
    check_snapshot_name(name)
    check_instance_name("--to", target)
    if target == source:
        raise InputError(f"--to {target}: must not be the database itself; `recover` replaces it")
    go_on = f"run `backup restore {name} --to {target}` again; it goes on with {target}"
    with looking(go_on):
        model = require_instance(context)
        snapshot = require_snapshot(context, name)
        if snapshot["Status"] != "available":
            raise OperationError(f"snapshot {name} is {snapshot['Status']}; restore it afterwards")
        taken = find_instance(context, target)
    if taken is not None and tags_of(taken).get(RESTORED_FROM_TAG) != name:
        raise OperationError(f"--to {target}: this instance exists already; choose another name")

    def restore() -> None:
        if find_instance(context, target) is None:
            context.aws.client("rds").restore_db_instance_from_db_snapshot(
                DBInstanceIdentifier=target,
                DBSnapshotIdentifier=name,
                **restore_parameters(model, {RESTORED_FROM_TAG: name}),
            )

    def compare() -> None:
        differences = unlike(model, require_instance(context, target))
        if differences:
            raise OperationError(
                f"{target} differs from {source} in {', '.join(differences)}; put that right with "
                "`aws rds modify-db-instance` before it is used"
            )

    steps = [
        Step(f"restore snapshot {name} to {target}", restore),
        Step(f"wait for {target}", partial(wait_for_instance, context, target)),
        Step(
            f"give {target} the settings that restoring leaves out",
            partial(modify_when_ready, context, target, settings_after_restore(model)),
        ),
        Step(f"compare {target} with {source}", compare),
    ]
    run_steps(context, "backup restore", steps, go_on=go_on, backup=name, target=target)
    return target


def prune_backups(
    context: Context, keep_days: int = RETENTION_DAYS, quota: int | None = None
) -> list[str]:
    """Delete `manual-backup-…` snapshots past their time, or above the quota; their names.

    Without a quota none goes before its time, whoever has filled the region: at the quota RDS
    refuses the next snapshot, which is told. Snapshots before migrations, final ones, RDS's and AWS
    Backup's own are never touched, nor the newest few, nor one that is being exported.
    """
    if keep_days < 1:
        raise InputError(f"--keep-days {keep_days}: must be 1 or more")
    if quota is not None and quota <= SNAPSHOT_RESERVE:
        raise InputError(f"--quota {quota}: must be more than {SNAPSHOT_RESERVE}, which stay free")
    go_on = (
        "wait for the function's next run, or run `backup prune`, which asks"
        if quota is None
        else f"run `backup prune --keep-days {keep_days} --quota {quota} --yes` again"
    )
    with looking(go_on):
        in_region = sum(1 for _ in _manual_snapshots_of_region(context))
        busy = {arn for arn, status in _exports(context).items() if status in _EXPORT_RUNS}
        own = list(snapshots_of(context))
    doomed = prunable(own, busy, in_region, keep_days=keep_days, quota=quota, now=datetime.now(UTC))
    remaining, most = in_region - len(doomed), quota or SNAPSHOT_QUOTA
    if remaining > most - SNAPSHOT_RESERVE:
        room = "run `backup prune`, " if quota is None else ""
        context.console.say(
            f"warning: {remaining} of {most} manual snapshots of the region remain, none of which "
            f"may be deleted here; {room}delete old pre-migration and final ones by hand, or have "
            "the quota raised"
        )
    if doomed and not context.dry_run:
        context.console.confirm(f"Delete {', '.join(doomed)}?", yes=context.yes)
    steps = [Step(f"delete snapshot {name}", partial(_delete, context, name)) for name in doomed]
    run_steps(context, "backup prune", steps, go_on=go_on, keep_days=keep_days)
    return doomed


def prunable(
    snapshots: Iterable[Mapping[str, Any]],
    busy: Iterable[str],
    in_region: int,
    *,
    keep_days: int,
    quota: int | None,
    now: datetime,
) -> list[str]:
    """The names of the snapshots that may go, the oldest first."""
    ours = sorted(
        (
            found
            for found in snapshots
            if found["SnapshotType"] == "manual"
            and found["DBSnapshotIdentifier"].startswith(MANUAL)
            # Without it a person has made it by hand, who alone knows what for; the function may
            # not delete it either.
            and TYPE_TAG in tags_of(found)
            and found["Status"] == "available"
        ),
        key=lambda found: found["SnapshotCreateTime"],
    )
    exporting = set(busy)
    candidates = [found for found in ours[:-NEWEST_KEPT] if found["DBSnapshotArn"] not in exporting]
    limit = now - timedelta(days=keep_days)
    too_old = sum(1 for found in candidates if found["SnapshotCreateTime"] < limit)
    too_many = in_region - (quota - SNAPSHOT_RESERVE) if quota is not None else 0
    count = max(too_old, too_many, 0)
    return [str(found["DBSnapshotIdentifier"]) for found in candidates[:count]]


def _delete(context: Context, name: str) -> None:
    rds = context.aws.client("rds")
    or_none(lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=name), _SNAPSHOT_MISSING)


def snapshots_of(context: Context) -> Iterator[Mapping[str, Any]]:
    """Every snapshot of the database, RDS's and AWS Backup's own included, as RDS describes it."""
    return all_snapshots(context, DBInstanceIdentifier=context.platform.database)


def all_snapshots(context: Context, **where: str) -> Iterator[Mapping[str, Any]]:
    """Every snapshot of the region, or those that the filter names, of whatever type."""
    # Without a type RDS lists its own and the manual ones.
    for kind in ({}, {"SnapshotType": "awsbackup"}):
        yield from context.aws.pages("rds", "describe_db_snapshots", "DBSnapshots", **where, **kind)


def _manual_snapshots_of_region(context: Context) -> Iterable[Mapping[str, Any]]:
    return context.aws.pages("rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual")


def _check_quota(context: Context) -> None:
    used = sum(1 for _ in _manual_snapshots_of_region(context))
    if used >= SNAPSHOT_QUOTA:
        context.console.say(
            f"warning: the region has {used} manual snapshots, and RDS's quota is {SNAPSHOT_QUOTA} "
            "unless it was raised; `backup prune` makes room"
        )


def find_snapshot(context: Context, name: str) -> Mapping[str, Any] | None:
    rds = context.aws.client("rds")
    kind = next((kind for prefix, kind in _KINDS.items() if name.startswith(prefix)), "manual")
    found = or_none(
        lambda: rds.describe_db_snapshots(DBSnapshotIdentifier=name, SnapshotType=kind),
        _SNAPSHOT_MISSING,
    )
    return found["DBSnapshots"][0] if found and found["DBSnapshots"] else None


def _own_snapshot(context: Context, name: str) -> Mapping[str, Any] | None:
    """The snapshot of that name; `OperationError` where it is another database's."""
    snapshot = find_snapshot(context, name)
    if snapshot is None:
        return None
    owner = snapshot["DBInstanceIdentifier"]
    if not was_database(context, owner):
        raise OperationError(
            f"snapshot {name} is one of {owner}, not of {context.platform.database}; choose "
            "another, see `backup list`"
        )
    return snapshot


def require_snapshot(context: Context, name: str) -> Mapping[str, Any]:
    """The snapshot of that name; `OperationError` where there is none, or it is another's."""
    snapshot = _own_snapshot(context, name)
    if snapshot is None:
        raise OperationError(f"there is no snapshot {name}; see `backup list`")
    return snapshot


def exports_of(context: Context, snapshot_arn: str) -> list[Mapping[str, Any]]:
    """Every export of a snapshot, as RDS describes it, the one that began last at the end."""
    tasks = context.aws.pages("rds", "describe_export_tasks", "ExportTasks", SourceArn=snapshot_arn)
    # The emulator answers with those of all snapshots.
    own = [task for task in tasks if task["SourceArn"] == snapshot_arn]
    return sorted(own, key=_begun)


def _exports(context: Context) -> dict[str, str]:
    """The status of the newest export by the snapshot's ARN."""
    tasks = context.aws.pages("rds", "describe_export_tasks", "ExportTasks")
    return {task["SourceArn"]: task["Status"].upper() for task in sorted(tasks, key=_begun)}


def _begun(export: Mapping[str, Any]) -> datetime:
    begun: datetime | None = export.get("TaskStartTime")
    # One that is only just asked for has none yet, and one that never began keeps none.
    otherwise = datetime.max if is_running(export) else datetime.min
    return begun or otherwise.replace(tzinfo=UTC)


def is_running(export: Mapping[str, Any]) -> bool:
    return export["Status"].upper() in _EXPORT_RUNS


def is_cancelled(export: Mapping[str, Any]) -> bool:
    return bool(export["Status"].upper() == _CANCELLED)


def record_result(context: Context, snapshot_arn: str, result: str) -> None:
    """Write what became of a backup into its record."""
    context.aws.client("rds").add_tags_to_resource(
        ResourceName=snapshot_arn, Tags=[{"Key": RESULT_TAG, "Value": result}]
    )


def result_of(snapshot: Mapping[str, Any]) -> str | None:
    """What became of a backup, once it has come to its end."""
    return tags_of(snapshot).get(RESULT_TAG)


def _export_name(snapshot: str, earlier: int) -> str:
    suffix = f"-{earlier + 1}" if earlier else ""
    return snapshot.replace(":", "-")[: 60 - len(suffix)].rstrip("-") + suffix


def _type(name: str) -> str | None:
    return next((kind for prefix, kind in TYPES.items() if name.startswith(prefix)), None)


def check_snapshot_name(name: str) -> None:
    """Refuse what RDS takes for no snapshot's name."""
    # RDS's own carry a prefix that nobody else can use.
    if not _SNAPSHOT_NAME.fullmatch(re.sub(r"^(rds|awsbackup):", "", name)) or len(name) > 255:
        raise InputError(
            f"{name!r} is no snapshot's name: lower-case letters, digits and single hyphens, a "
            "letter first"
        )
