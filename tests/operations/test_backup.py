"""Backups: taken, listed, verified, exported, restored beside the original, pruned."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from operations import backup, cli
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from tests.operations.conftest import MakeRun, audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.killed import KilledAfterEachChange
from tests.operations.stack import (
    ROLE,
    Network,
    make_database,
    make_network,
    watched,
)

DATABASE = "aussie-markets-db-staging"
NAME = "manual-backup-staging-x"


class Late(datetime):
    """A clock that is 31 days ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Late":
        ahead = datetime.now(tz) + timedelta(days=31)
        return cls.fromisoformat(ahead.isoformat())


@pytest.fixture
def network(aws: Aws) -> Network:
    made = make_network(aws)
    make_database(aws, made)
    return made


def snapshots(aws: Aws) -> dict[str, dict[str, Any]]:
    found = aws.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    return {one["DBSnapshotIdentifier"]: one for one in found}


def ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def instances(aws: Aws) -> dict[str, dict[str, Any]]:
    """Without what moves on by itself."""
    found = aws.client("rds").describe_db_instances()["DBInstances"]
    return {one["DBInstanceIdentifier"]: {**one, "LatestRestorableTime": None} for one in found}


@pytest.mark.usefixtures("network")
def test_a_backup_is_a_snapshot_that_says_what_it_is(
    aws: Aws, make_run: MakeRun, audit_group: str
) -> None:
    record = backup.create_backup(make_run().context)
    (snapshot,) = snapshots(aws).values()
    assert record.id.startswith("manual-backup-staging-2")
    assert snapshot["DBSnapshotIdentifier"] == record.id
    tags = {tag["Key"]: tag["Value"] for tag in snapshot["TagList"]}
    assert tags["BackupType"] == "manual"
    assert (record.type, record.size_gib, record.status) == ("manual", 20, "available")
    assert record.time == snapshot["SnapshotCreateTime"]
    (line,) = audit_lines(audit_group)
    assert (line["command"], line["backup"]) == ("backup create", record.id)


@pytest.mark.usefixtures("network")
def test_a_named_backup_is_taken_once(aws: Aws, make_run: MakeRun) -> None:
    for _ in range(2):
        backup.create_backup(make_run().context, "manual-backup-staging-x")
    assert list(snapshots(aws)) == ["manual-backup-staging-x"]


@pytest.mark.usefixtures("network")
def test_a_dry_run_takes_no_snapshot(aws: Aws, make_run: MakeRun) -> None:
    run = make_run(dry_run=True)
    backup.create_backup(run.context, "manual-backup-staging-x")
    assert "would: take snapshot manual-backup-staging-x" in run.text
    assert snapshots(aws) == {}


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (lambda c: backup.create_backup(c, "mine"), "must begin with manual-backup-"),
        (lambda c: backup.create_backup(c, "manual-backup--x"), "is no snapshot's name"),
        (lambda c: backup.create_backup(c, "manual-backup-X"), "is no snapshot's name"),
        (lambda c: backup.export_backup(c, "a_b"), "is no snapshot's name"),
        (lambda c: backup.restore_backup(c, "s-1", DATABASE), "must not be the database itself"),
        (lambda c: backup.restore_backup(c, "s-1", "-x"), "--to '-x': must be 1 to 63"),
        (lambda c: backup.restore_backup(c, "s-1", "x" * 64), "must be 1 to 63"),
        (lambda c: backup.prune_backups(c, 0), "--keep-days 0: must be 1 or more"),
        (lambda c: backup.prune_backups(c, quota=10), "--quota 10: must be more than 10"),
        (lambda c: backup.verify_backup(c, fresh_hours=0), "--fresh-hours 0: must be 1 or more"),
        (lambda c: backup.verify_backup(c, "a_b"), "is no snapshot's name"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    aws: Aws, make_run: MakeRun, action: Any, problem: str
) -> None:
    with watched(aws, "rds", "sts", "logs") as calls, pytest.raises(InputError, match=problem):
        action(make_run().context)
    assert calls.made == []


def test_a_missing_database_is_said_with_what_to_check(aws: Aws, make_run: MakeRun) -> None:
    with pytest.raises(OperationError, match=r"no database instance .*-db-staging in ap"):
        backup.create_backup(make_run().context)
    assert snapshots(aws) == {}


def test_another_databases_snapshot_is_not_touched(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    make_database(aws, network, "other")
    backup.create_backup(make_run("other").context, "manual-backup-other-x")
    context = make_run(yes=True).context
    for action in (
        lambda: backup.create_backup(context, "manual-backup-other-x"),
        lambda: backup.export_backup(context, "manual-backup-other-x", bucket="b", role_arn=ROLE),
        lambda: backup.restore_backup(context, "manual-backup-other-x"),
    ):
        with pytest.raises(OperationError, match="is one of aussie-markets-db-other"):
            action()


@pytest.mark.usefixtures("network")
def test_a_snapshot_that_failed_is_no_backup(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    rds = aws.client("rds")
    failed = {**snapshots(aws)["manual-backup-staging-x"], "Status": "failed"}
    monkeypatch.setattr(rds, "describe_db_snapshots", lambda **_: {"DBSnapshots": [failed]})
    with pytest.raises(StoppedError, match="RDS could not take snapshot"):
        backup.create_backup(context, "manual-backup-staging-x")


@pytest.mark.usefixtures("network")
def test_the_list_has_every_kind_and_the_state_of_exports(
    make_run: MakeRun, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    backup.create_backup(context, "pre-migration-staging-x")
    backup.export_backup(context, "manual-backup-staging-x", bucket="b", role_arn=ROLE)
    records = {record.id: record for record in backup.list_backups(context)}
    assert records["manual-backup-staging-x"].export == "COMPLETE"
    assert records["pre-migration-staging-x"].export is None
    assert records["pre-migration-staging-x"].type == "pre-migration"
    assert "automated" in {record.type for record in records.values()}
    assert cli.main(["--stack", "staging", "--json", "backup", "list"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {one["id"] for one in shown} == set(records)
    assert all(one["size_gib"] == 20 for one in shown)
    assert network.key


def http(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)


def vaulted(aws: Aws) -> dict[str, Any]:
    """A snapshot of AWS Backup, which RDS shows only to who asks for that type."""
    name = "awsbackup:job-1"
    return {
        **snapshots(aws)[NAME],
        **{"DBSnapshotIdentifier": name, "DBSnapshotArn": f"arn:{name}", "TagList": []},
        "SnapshotType": "awsbackup",
    }


@contextmanager
def strict_about_types(aws: Aws, found: dict[str, Any]) -> Iterator[None]:
    """RDS's rule that the emulator lacks: an identifier that is not a manual one needs its type."""

    def answer(params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        asked = params["body"]
        name, kind = asked.get("DBSnapshotIdentifier", ""), asked.get("SnapshotType")
        if kind == "awsbackup":
            return http(200), {"DBSnapshots": [found]}
        if ":" in name and kind is None:
            error = {"Code": "DBSnapshotNotFound", "Message": name}
            return http(404), {"Error": error}
        return None

    events = aws.client("rds").meta.events
    events.register("before-call.rds.DescribeDBSnapshots", answer)
    yield
    events.unregister("before-call.rds.DescribeDBSnapshots", answer)


@pytest.mark.usefixtures("network")
def test_snapshots_of_rds_and_of_aws_backup_are_listed_and_found(
    aws: Aws, make_run: MakeRun
) -> None:
    context = make_run().context
    backup.create_backup(context, NAME)
    with strict_about_types(aws, vaulted(aws)):
        kinds = {record.id: record.type for record in backup.list_backups(context)}
        (automated,) = [name for name, kind in kinds.items() if kind == "automated"]
        assert kinds == {NAME: "manual", automated: "automated", "awsbackup:job-1": "awsbackup"}
        for name in kinds:
            assert backup.verify_backup(context, name).id == name


@pytest.mark.usefixtures("network")
def test_a_good_backup_passes_and_each_fault_is_named(
    aws: Aws, make_run: MakeRun, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    assert backup.verify_backup(context, "manual-backup-staging-x").status == "available"
    with pytest.raises(OperationError, match="has no backup manual-backup-staging-y"):
        backup.verify_backup(context, "manual-backup-staging-y")

    aws.client("kms").disable_key(KeyId=network.key.rsplit("/", 1)[-1])
    with pytest.raises(OperationError, match=r"its key .* is Disabled"):
        backup.verify_backup(context, "manual-backup-staging-x")

    old = {**snapshots(aws)["manual-backup-staging-x"], "Encrypted": False, "Status": "failed"}
    old["OriginalSnapshotCreateTime"] = datetime.now(UTC) - timedelta(hours=27)
    monkeypatch.setattr(backup, "snapshots_of", lambda _: [old])
    monkeypatch.setattr(backup, "require_snapshot", lambda *_: old)
    monkeypatch.setattr(backup, "_exports", lambda _: {old["DBSnapshotArn"]: "FAILED"})
    with pytest.raises(OperationError) as failure:
        backup.verify_backup(context)
    for problem in ("status is failed", "older than 26 hours", "not encrypted", "is FAILED"):
        assert problem in str(failure.value)


@pytest.mark.usefixtures("network")
def test_snapshots_that_rds_takes_by_itself_are_no_daily_backup(make_run: MakeRun) -> None:
    context = make_run().context
    assert [record.type for record in backup.list_backups(context)] == ["automated"]
    with pytest.raises(OperationError, match="has no backup manual-backup-…; run `backup create`"):
        backup.verify_backup(context)
    backup.create_backup(context, "pre-migration-staging-x")
    with pytest.raises(OperationError, match="has no backup manual-backup-…"):
        backup.verify_backup(context)


@pytest.mark.usefixtures("network")
def test_a_copy_is_as_old_as_what_it_is_a_copy_of(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run().context
    backup.create_backup(context, NAME)
    taken = datetime.now(UTC) - timedelta(hours=27)
    copy = {**snapshots(aws)[NAME], "OriginalSnapshotCreateTime": taken}
    monkeypatch.setattr(backup, "snapshots_of", lambda _: [copy])
    assert [record.time for record in backup.list_backups(context)] == [taken]
    with pytest.raises(OperationError, match="older than 26 hours"):
        backup.verify_backup(context)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(("minutes", "problem"), [(14, None), (16, "16 minutes"), (None, "no ")])
def test_a_database_that_cannot_be_restored_to_the_last_quarter_of_an_hour_is_no_good(
    aws: Aws,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    minutes: int | None,
    problem: str | None,
) -> None:
    context = make_run().context
    backup.create_backup(context, NAME)
    behind = {} if minutes is None else {"LatestRestorableTime": ago(minutes)}
    present = {key: value for key, value in instances(aws)[DATABASE].items() if value is not None}
    monkeypatch.setattr(backup, "require_instance", lambda _: {**present, **behind})
    if problem is None:
        assert backup.verify_backup(context).id == NAME
    else:
        with pytest.raises(OperationError, match=f"{problem}.*BackupRetentionPeriod"):
            backup.verify_backup(context)
    # A snapshot that is named is asked about for itself.
    assert backup.verify_backup(context, NAME).id == NAME


@pytest.mark.usefixtures("network")
def test_one_that_is_being_taken_is_not_yet_the_newest(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    good = snapshots(aws)["manual-backup-staging-x"]
    begun = {**good, "DBSnapshotIdentifier": "manual-backup-staging-y", "Status": "creating"}
    begun["OriginalSnapshotCreateTime"] = datetime.now(UTC) + timedelta(minutes=1)
    monkeypatch.setattr(backup, "snapshots_of", lambda _: [good, begun])
    assert backup.verify_backup(context).id == "manual-backup-staging-x"


def test_an_export_is_begun_once_and_again_after_it_failed(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    context = make_run().context
    name = "manual-backup-staging-x"
    backup.create_backup(context, name)
    how: dict[str, Any] = {"bucket": "exports", "role_arn": ROLE}
    first = backup.export_backup(context, name, wait=True, **how)
    assert backup.export_backup(context, name, **how) == first == name
    aws.client("rds").cancel_export_task(ExportTaskIdentifier=first)
    second = backup.export_backup(context, name, **how)
    assert second == f"{name}-2"
    (task,) = aws.client("rds").describe_export_tasks(ExportTaskIdentifier=second)["ExportTasks"]
    assert (task["S3Bucket"], task["S3Prefix"]) == ("exports", "database/staging")
    assert (task["IamRoleArn"], task["KmsKeyId"]) == (ROLE, network.key)
    aws.client("rds").cancel_export_task(ExportTaskIdentifier=second)
    with pytest.raises(OperationError, match="there is no snapshot manual-backup-gone"):
        backup.export_backup(context, "manual-backup-gone", **how)


@pytest.mark.usefixtures("network")
def test_an_export_that_is_being_cancelled_is_neither_good_nor_replaced(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run().context
    backup.create_backup(context, NAME)
    cancelling = {"ExportTaskIdentifier": NAME, "Status": "CANCELING"}
    monkeypatch.setattr(backup, "exports_of", lambda *_: [cancelling])
    with pytest.raises(OperationError, match=f"export {NAME} is being cancelled"):
        backup.export_backup(context, NAME, bucket="b", role_arn=ROLE)
    assert aws.client("rds").describe_export_tasks()["ExportTasks"] == []


@pytest.mark.usefixtures("network")
def test_an_export_that_was_only_just_asked_for_is_the_newest(aws: Aws, make_run: MakeRun) -> None:
    context = make_run().context
    backup.create_backup(context, NAME)
    arn = snapshots(aws)[NAME]["DBSnapshotArn"]
    tasks = [
        {"SourceArn": arn, "Status": "STARTING"},
        {"SourceArn": arn, "Status": "FAILED", "TaskStartTime": datetime.now(UTC)},
    ]
    events = aws.client("rds").meta.events

    def answer(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return http(200), {"ExportTasks": tasks}

    events.register("before-call.rds.DescribeExportTasks", answer)
    try:
        assert backup.verify_backup(context).export == "STARTING"
        assert [task["Status"] for task in backup.exports_of(context, arn)] == [
            *("FAILED", "STARTING")
        ]
    finally:
        events.unregister("before-call.rds.DescribeExportTasks", answer)


def test_long_names_fit_an_export() -> None:
    name = "manual-backup-" + "x" * 80
    assert len(backup._export_name(name, 0)) == 60
    assert backup._export_name(name, 11).endswith("x-12")
    assert backup._export_name("rds:db-1", 0) == "rds-db-1"


def test_a_restored_instance_is_like_the_database(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    context, name = make_run().context, "manual-backup-staging-x"
    backup.create_backup(context, name)
    with watched(aws, "rds") as calls:
        target = backup.restore_backup(context, name)
    assert target == f"{DATABASE}-restore"
    (made,) = aws.client("rds").describe_db_instances(DBInstanceIdentifier=target)["DBInstances"]
    assert made["DBSubnetGroup"]["DBSubnetGroupName"] == "private"
    assert [one["VpcSecurityGroupId"] for one in made["VpcSecurityGroups"]] == [network.group]
    assert made["DBParameterGroups"][0]["DBParameterGroupName"] == "tuned"
    assert made["MultiAZ"]
    assert made["DeletionProtection"]
    assert made["EnabledCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert made["MaxAllocatedStorage"] == 100
    assert made["MonitoringRoleArn"] == ROLE
    tags = {tag["Key"]: tag["Value"] for tag in made["TagList"]}
    assert tags == {"Environment": "staging", "RestoredFrom": name}
    # The emulator takes much from the snapshot's own database; AWS takes nothing.
    assert calls.made.count("RestoreDBInstanceFromDBSnapshot") == 1


def test_restoring_asks_aws_for_each_setting_of_the_database(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    context, sent = make_run().context, dict[str, Any]()
    backup.create_backup(context, "manual-backup-staging-x")
    aws.client("rds").meta.events.register(
        "before-parameter-build.rds.RestoreDBInstanceFromDBSnapshot",
        lambda params, **_: sent.update(params),
    )
    backup.restore_backup(context, "manual-backup-staging-x", "copy")
    assert sent["VpcSecurityGroupIds"] == [network.group]
    assert (sent["DBSubnetGroupName"], sent["DBParameterGroupName"]) == ("private", "tuned")
    assert (sent["MultiAZ"], sent["DeletionProtection"]) == (True, True)
    assert sent["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert sent["BackupRetentionPeriod"] == 7


@pytest.mark.parametrize(
    ("owner", "is_ours"),
    [
        (DATABASE, True),
        (f"{DATABASE}-damaged-20260701-020000", True),
        (f"{DATABASE}-restore", False),
        ("aussie-markets-db-staging-2", False),
    ],
)
@pytest.mark.usefixtures("network")
def test_a_backup_stays_ours_when_a_recovery_puts_its_instance_aside(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, owner: str, is_ours: bool
) -> None:
    context, name = make_run().context, "manual-backup-staging-x"
    backup.create_backup(context, name)
    real = backup.find_snapshot
    monkeypatch.setattr(
        backup, "find_snapshot", lambda *of: {**(real(*of) or {}), "DBInstanceIdentifier": owner}
    )
    if is_ours:
        assert backup.restore_backup(context, name, "copy") == "copy"
        # The day's backup is there, and is not begun again.
        backup.take_snapshot(context, name)
    else:
        with pytest.raises(OperationError, match=f"is one of {owner}, not of {DATABASE}"):
            backup.restore_backup(context, name, "copy")


@pytest.mark.usefixtures("network")
def test_a_taken_name_is_refused_and_an_unfinished_restore_gone_on_with(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    backup.create_backup(context, "manual-backup-staging-y")
    make_database(aws, network, "other")
    with pytest.raises(OperationError, match="this instance exists already"):
        backup.restore_backup(context, "manual-backup-staging-x", "aussie-markets-db-other")
    backup.restore_backup(context, "manual-backup-staging-x", "copy")
    assert backup.restore_backup(context, "manual-backup-staging-x", "copy") == "copy"
    with pytest.raises(OperationError, match="this instance exists already"):
        backup.restore_backup(context, "manual-backup-staging-y", "copy")


@pytest.mark.usefixtures("network")
def test_a_restored_instance_that_rds_still_works_on_is_changed_later(
    aws: Aws, make_run: MakeRun
) -> None:
    context = make_run().context
    backup.create_backup(context, NAME)
    refusals = [{"Code": "InvalidDBInstanceState", "Message": "configuring-enhanced-monitoring"}]

    def refuse(**_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        if not refusals:
            return None
        return http(400), {"Error": refusals.pop()}

    events = aws.client("rds").meta.events
    events.register("before-call.rds.ModifyDBInstance", refuse)
    try:
        backup.restore_backup(context, NAME, "copy")
    finally:
        events.unregister("before-call.rds.ModifyDBInstance", refuse)
    assert refusals == []
    assert instances(aws)["copy"]["MaxAllocatedStorage"] == 100


@pytest.mark.usefixtures("network")
def test_a_copy_that_came_out_otherwise_is_an_error(aws: Aws, make_run: MakeRun) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    # The emulator keeps what AWS would be told otherwise.
    aws.client("rds").modify_db_instance(DBInstanceIdentifier=DATABASE, MultiAZ=False)
    with pytest.raises(StoppedError, match=r"copy differs from .* in MultiAZ"):
        backup.restore_backup(context, "manual-backup-staging-x", "copy")


def made(name: str, days: int, **other: Any) -> dict[str, Any]:
    return {
        "DBSnapshotIdentifier": name,
        "DBSnapshotArn": f"arn:{name}",
        "SnapshotType": "manual",
        "Status": "available",
        "SnapshotCreateTime": datetime(2026, 7, 1, tzinfo=UTC) - timedelta(days=days),
        "TagList": [{"Key": "BackupType", "Value": "manual"}],
        **other,
    }


PRESENT = [
    made("pre-migration-staging-1", 400),
    made("aussie-markets-db-staging-final-1", 400),
    made("rds:auto", 400, SnapshotType="automated"),
    made("manual-backup-vault", 400, SnapshotType="awsbackup"),
    made("manual-backup-creating", 400, Status="creating"),
    made("manual-backup-made-in-the-console", 400, TagList=[]),
    made("manual-backup-exporting", 90),
    *(made(f"manual-backup-{days}", days) for days in (60, 31, 30, 29, 3, 2, 1)),
]


def prunable(
    in_region: int, snapshots: list[dict[str, Any]] = PRESENT, quota: int | None = 100
) -> list[str]:
    return backup.prunable(
        snapshots,
        ["arn:manual-backup-exporting"],
        in_region,
        keep_days=30,
        quota=quota,
        now=datetime(2026, 7, 1, tzinfo=UTC),
    )


def test_what_is_past_its_time_goes_and_nothing_else() -> None:
    assert prunable(20) == ["manual-backup-60", "manual-backup-31"]


def test_the_oldest_go_before_the_quota_is_reached_but_never_the_newest() -> None:
    assert prunable(93) == ["manual-backup-60", "manual-backup-31", "manual-backup-30"]
    assert prunable(200)[-1] == "manual-backup-29"
    assert prunable(20, [made(f"manual-backup-{n}", 90 + n) for n in range(3)]) == []


def test_without_a_quota_age_alone_decides() -> None:
    assert prunable(200, quota=None) == ["manual-backup-60", "manual-backup-31"]


@pytest.mark.usefixtures("network")
def test_pruning_asks_and_then_deletes(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"manual-backup-staging-{number}" for number in range(5)]
    for name in (*names, "pre-migration-staging-0"):
        backup.create_backup(make_run().context, name)
    monkeypatch.setattr(backup, "datetime", Late)
    with pytest.raises(InputError, match="add --yes"):
        backup.prune_backups(make_run().context)
    assert backup.prune_backups(make_run(dry_run=True).context) == names[:2]
    assert len(snapshots(aws)) == 6
    assert backup.prune_backups(make_run(yes=True).context) == names[:2]
    assert set(snapshots(aws)) == {*names[2:], "pre-migration-staging-0"}
    assert backup.prune_backups(make_run(yes=True).context) == []


@pytest.mark.usefixtures("network")
def test_a_region_full_of_others_snapshots_is_said(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_manual_snapshots_of_region", lambda _: iter([{}] * 100))
    run = make_run(yes=True)
    assert backup.prune_backups(run.context) == []
    assert "warning: 100 of 100 manual snapshots" in run.text
    backup.create_backup(run.context, "manual-backup-staging-x")
    assert "`backup prune` makes room" in run.text


def test_taking_a_backup_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network, audit_group: str
) -> None:
    assert network
    assert audit_group
    context = make_run().context

    def stopped_well(stopped: StoppedError) -> None:
        assert f"`backup create --name {NAME}` again" in stopped.go_on
        if f"take snapshot {NAME}" in stopped.done:
            assert list(snapshots(aws)) == [NAME]

    clients = [aws.client(name) for name in ("rds", "logs")]
    met = fails_at_every_call(clients, lambda: backup.create_backup(context, NAME), stopped_well)
    assert {call.step for call in met} == {
        *("", f"take snapshot {NAME}", f"wait for snapshot {NAME}"),
        f"read the record of {NAME}",
    }
    assert [one["Status"] for one in snapshots(aws).values()] == ["available"]


def test_an_export_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network, audit_group: str
) -> None:
    assert network
    assert audit_group
    context = make_run().context
    backup.create_backup(context, NAME)

    def stopped_well(stopped: StoppedError) -> None:
        assert f"run `backup export {NAME}` again" in stopped.go_on
        assert list(snapshots(aws)) == [NAME]

    clients = [aws.client(name) for name in ("rds", "logs")]
    met = fails_at_every_call(
        clients,
        lambda: backup.export_backup(context, NAME, bucket="b", role_arn=ROLE, wait=True),
        stopped_well,
    )
    assert {call.step for call in met} == {
        *("", f"export snapshot {NAME} to b", f"wait for export {NAME}")
    }
    (task,) = aws.client("rds").describe_export_tasks()["ExportTasks"]
    assert task["SourceArn"] == snapshots(aws)[NAME]["DBSnapshotArn"]


def test_restoring_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network, audit_group: str
) -> None:
    assert network
    assert audit_group
    context, target = make_run().context, f"{DATABASE}-restore"
    backup.create_backup(context, NAME)
    before = instances(aws)[DATABASE]

    def stopped_well(stopped: StoppedError) -> None:
        assert f"run `backup restore {NAME} --to {target}` again" in stopped.go_on
        assert instances(aws)[DATABASE] == before

    clients = [aws.client(name) for name in ("rds", "logs")]
    met = fails_at_every_call(clients, lambda: backup.restore_backup(context, NAME), stopped_well)
    assert {call.step for call in met} == {
        *("", f"restore snapshot {NAME} to {target}", f"wait for {target}"),
        f"give {target} the settings that restoring leaves out",
        f"compare {target} with {DATABASE}",
    }
    assert instances(aws)[target]["MaxAllocatedStorage"] == 100
    assert instances(aws).keys() == {DATABASE, target}


def take_many(aws: Aws) -> list[str]:
    """Of five snapshots two are above a quota of 11."""
    names = [f"manual-backup-staging-{number}" for number in range(5)]
    for name in names:
        aws.client("rds").create_db_snapshot(
            DBInstanceIdentifier=DATABASE,
            DBSnapshotIdentifier=name,
            Tags=[{"Key": "BackupType", "Value": "manual"}],
        )
    return names


def test_pruning_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network, audit_group: str
) -> None:
    assert network
    assert audit_group
    names, context = take_many(aws), make_run(yes=True).context

    def stopped_well(stopped: StoppedError) -> None:
        assert "run `backup prune --keep-days 30 --quota 11 --yes` again" in stopped.go_on
        assert set(snapshots(aws)) >= set(names[2:])

    clients = [aws.client(name) for name in ("rds", "logs")]
    met = fails_at_every_call(
        clients, lambda: backup.prune_backups(context, quota=11), stopped_well
    )
    assert {call.step for call in met} >= {"", *(f"delete snapshot {one}" for one in names[:2])}
    assert list(snapshots(aws)) == names[2:]


# -- killed -----------------------------------------------------------------------------------


def test_a_backup_that_was_killed_after_any_change_goes_on(
    aws: Aws, network: Network, audit_group: str, killed_after_each_change: KilledAfterEachChange
) -> None:
    assert network
    assert audit_group
    rds = aws.client("rds")
    create = killed_after_each_change("backup create", NAME)
    assert create == (["CreateDBSnapshot"], None)
    assert [one["Status"] for one in snapshots(aws).values()] == ["available"]

    export = killed_after_each_change("backup export", NAME, ROLE)
    assert export == (["StartExportTask"], None)
    (task,) = rds.describe_export_tasks()["ExportTasks"]
    assert (task["Status"], task["SourceArn"]) == (
        *("complete", snapshots(aws)[NAME]["DBSnapshotArn"]),
    )

    before = instances(aws)[DATABASE]
    restore = killed_after_each_change("backup restore", NAME)
    changes = ("RestoreDBInstanceFromDBSnapshot", "ModifyDBInstance")
    assert restore == (list(changes), None)
    assert instances(aws).keys() == {DATABASE, f"{DATABASE}-restore"}
    assert instances(aws)[DATABASE] == before
    assert instances(aws)[f"{DATABASE}-restore"]["MaxAllocatedStorage"] == 100


def test_pruning_that_was_killed_after_any_change_goes_on(
    aws: Aws, network: Network, audit_group: str, killed_after_each_change: KilledAfterEachChange
) -> None:
    assert network
    assert audit_group
    names = take_many(aws)
    prune = killed_after_each_change("backup prune", "11")
    assert prune == (["DeleteDBSnapshot", "DeleteDBSnapshot"], None)
    assert list(snapshots(aws)) == names[2:]
