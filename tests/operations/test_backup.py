"""Backups: taken, listed, verified, exported, restored beside the original, pruned."""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from operations import backup, cli
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.platform import Platform
from tests.operations.conftest import MakeRun, audit_lines
from tests.operations.stack import (
    ROLE,
    Network,
    fails_and_goes_on,
    make_database,
    make_network,
    watched,
)

DATABASE = "aussie-markets-db-staging"


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
    old["SnapshotCreateTime"] = datetime.now(UTC) - timedelta(hours=27)
    monkeypatch.setattr(backup, "snapshots_of", lambda _: [old])
    monkeypatch.setattr(backup, "_require_snapshot", lambda *_: old)
    monkeypatch.setattr(backup, "_exports", lambda _: {old["DBSnapshotArn"]: "FAILED"})
    with pytest.raises(OperationError) as failure:
        backup.verify_backup(context)
    for problem in ("status is failed", "older than 26 hours", "not encrypted", "is FAILED"):
        assert problem in str(failure.value)


@pytest.mark.usefixtures("network")
def test_no_backup_at_all_is_no_good_backup(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "snapshots_of", lambda _: [])
    with pytest.raises(OperationError, match="has no backup at all"):
        backup.verify_backup(make_run().context)


@pytest.mark.usefixtures("network")
def test_one_that_is_being_taken_is_not_yet_the_newest(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_run().context
    backup.create_backup(context, "manual-backup-staging-x")
    good = snapshots(aws)["manual-backup-staging-x"]
    begun = {**good, "DBSnapshotIdentifier": "manual-backup-staging-y", "Status": "creating"}
    begun["SnapshotCreateTime"] = datetime.now(UTC) + timedelta(minutes=1)
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


def prunable(in_region: int, snapshots: list[dict[str, Any]] = PRESENT) -> list[str]:
    return backup.prunable(
        snapshots,
        ["arn:manual-backup-exporting"],
        in_region,
        keep_days=30,
        quota=100,
        now=datetime(2026, 7, 1, tzinfo=UTC),
    )


def test_what_is_past_its_time_goes_and_nothing_else() -> None:
    assert prunable(20) == ["manual-backup-60", "manual-backup-31"]


def test_the_oldest_go_before_the_quota_is_reached_but_never_the_newest() -> None:
    assert prunable(93) == ["manual-backup-60", "manual-backup-31", "manual-backup-30"]
    assert prunable(200)[-1] == "manual-backup-29"
    assert prunable(20, [made(f"manual-backup-{n}", 90 + n) for n in range(3)]) == []


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


def one_manual_snapshot(aws: Aws, environment: str) -> dict[str, Any]:
    database = Platform(environment).database
    found = aws.client("rds").describe_db_snapshots(DBInstanceIdentifier=database)["DBSnapshots"]
    (manual,) = (one for one in found if one["SnapshotType"] == "manual")
    return dict(manual)


def test_taking_a_backup_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    def attempt(number: int) -> Any:
        environment = f"stack-{number}"
        make_database(aws, network, environment)
        context = make_run(environment).context
        return lambda: backup.create_backup(context, f"manual-backup-{environment}")

    def finished(number: int) -> None:
        assert one_manual_snapshot(aws, f"stack-{number}")["Status"] == "available"

    fails_and_goes_on(aws, ("rds",), attempt, finished)


def test_an_export_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    def attempt(number: int) -> Any:
        environment, name = f"stack-{number}", f"manual-backup-stack-{number}"
        make_database(aws, network, environment)
        context = make_run(environment).context
        backup.create_backup(context, name)
        return lambda: backup.export_backup(context, name, bucket="b", role_arn=ROLE, wait=True)

    def finished(number: int) -> None:
        source = one_manual_snapshot(aws, f"stack-{number}")["DBSnapshotArn"]
        tasks = aws.client("rds").describe_export_tasks()["ExportTasks"]
        assert sum(one["SourceArn"] == source for one in tasks) == 1

    fails_and_goes_on(aws, ("rds",), attempt, finished)


def test_restoring_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    def attempt(number: int) -> Any:
        environment, name = f"stack-{number}", f"manual-backup-stack-{number}"
        make_database(aws, network, environment)
        context = make_run(environment).context
        backup.create_backup(context, name)
        return lambda: backup.restore_backup(context, name)

    def finished(number: int) -> None:
        name = f"{Platform(f'stack-{number}').database}-restore"
        (copy,) = aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        assert copy["MaxAllocatedStorage"] == 100

    fails_and_goes_on(aws, ("rds",), attempt, finished)


def test_pruning_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "NEWEST_KEPT", 1)

    def attempt(number: int) -> Any:
        environment = f"stack-{number}"
        database = make_database(aws, network, environment)
        for day in range(3):
            aws.client("rds").create_db_snapshot(
                DBInstanceIdentifier=database,
                DBSnapshotIdentifier=f"manual-backup-{environment}-{day}",
                Tags=[{"Key": "BackupType", "Value": "manual"}],
            )
        monkeypatch.setattr(backup, "datetime", Late)
        return lambda: backup.prune_backups(make_run(environment, yes=True).context)

    def finished(number: int) -> None:
        name = one_manual_snapshot(aws, f"stack-{number}")["DBSnapshotIdentifier"]
        assert name == f"manual-backup-stack-{number}-2"

    fails_and_goes_on(aws, ("rds",), attempt, finished)
