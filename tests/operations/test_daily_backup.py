"""The daily backup: begun once a day, and brought to its end by runs of which none waits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations import backup, cli, daily_backup
from operations.aws import Aws
from operations.daily_backup import COMPLETED, Target, advance, begin
from operations.errors import OperationError, StoppedError
from operations.steps import Context
from tests.operations.conftest import MakeRun, audit_lines
from tests.operations.stack import (
    ROLE,
    Network,
    fails_and_goes_on,
    make_database,
    make_network,
)

TARGET = Target("exports", ROLE)
# Four in the morning in Brisbane.
NIGHT = datetime(2026, 7, 1, 18, tzinfo=UTC)
NAME = "manual-backup-staging-daily-20260702"


@pytest.fixture
def network(aws: Aws) -> Network:
    made = make_network(aws)
    make_database(aws, made)
    return made


@pytest.fixture
def context(network: Network, make_run: MakeRun) -> Context:  # noqa: ARG001 - it must be there
    return make_run().context


def snapshot(aws: Aws, name: str = NAME) -> dict[str, Any]:
    found = aws.client("rds").describe_db_snapshots(DBSnapshotIdentifier=name)
    return dict(found["DBSnapshots"][0])


def tags(aws: Aws, name: str = NAME) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in snapshot(aws, name)["TagList"]}


def exports(aws: Aws) -> list[dict[str, Any]]:
    return list(aws.client("rds").describe_export_tasks()["ExportTasks"])


def snapshot_is(monkeypatch: pytest.MonkeyPatch, aws: Aws, status: str) -> None:
    """The emulator's are available at once."""
    seen = {**snapshot(aws), "Status": status}
    monkeypatch.setattr(daily_backup, "snapshots_of", lambda _: [seen])


def export_is(monkeypatch: pytest.MonkeyPatch, *states: str) -> None:
    """The emulator's are complete at once."""
    seen = [{"Status": state, "FailureCause": "no rights"} for state in states]
    monkeypatch.setattr(daily_backup, "exports_of", lambda *_: seen)


def test_a_day_goes_from_snapshot_to_export_to_recorded_result(
    aws: Aws, context: Context, audit_group: str
) -> None:
    assert begin(context, now=NIGHT) == NAME
    assert tags(aws)["BackupType"] == "manual"
    assert advance(context, TARGET, now=NIGHT) == {NAME: "export begun"}
    (export,) = exports(aws)
    assert (export["S3Bucket"], export["IamRoleArn"]) == ("exports", ROLE)
    assert export["SourceArn"] == snapshot(aws)["DBSnapshotArn"]
    assert "BackupResult" not in tags(aws)
    assert advance(context, TARGET, now=NIGHT) == {NAME: COMPLETED}
    assert tags(aws)["BackupResult"] == "completed"
    (record,) = [one for one in backup.list_backups(context) if one.id == NAME]
    assert (record.status, record.export, record.result) == ("available", "COMPLETE", "completed")
    assert advance(context, TARGET, now=NIGHT) == {}
    assert [line["command"] for line in audit_lines(audit_group)] == [
        "daily backup begin",
        "backup export",
        "daily backup result",
        "backup prune",
    ]


def test_a_day_has_one_backup_however_often_it_is_begun(aws: Aws, context: Context) -> None:
    assert begin(context, now=NIGHT) == begin(context, now=NIGHT + timedelta(hours=19)) == NAME
    assert begin(context, now=NIGHT + timedelta(hours=20)) == f"{NAME[:-2]}03"
    assert len(exports(aws)) == 0


def test_a_run_that_another_one_overtakes_goes_on_with_the_others_snapshot_and_export(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(context, now=NIGHT)
    with monkeypatch.context() as late:
        late.setattr(backup, "_own_snapshot", lambda *_: None)
        assert begin(context, now=NIGHT) == NAME
    advance(context, TARGET, now=NIGHT)
    with monkeypatch.context() as late:
        late.setattr(backup, "exports_of", lambda *_: [])
        late.setattr(daily_backup, "exports_of", lambda *_: [])
        assert advance(context, TARGET, now=NIGHT) == {NAME: "export begun"}
    assert len(exports(aws)) == 1


@pytest.mark.usefixtures("network")
def test_a_day_that_was_not_begun_is_begun_later_but_not_before_its_hour(
    aws: Aws, context: Context
) -> None:
    early = datetime(2026, 7, 1, 15, 59, tzinfo=UTC)
    assert advance(context, TARGET, now=early) == {}
    assert advance(context, TARGET, now=early + timedelta(minutes=1)) == {NAME: "begun"}
    assert snapshot(aws)["Status"] == "available"


@pytest.mark.parametrize("status", ["creating", "modifying"])
def test_a_snapshot_that_is_not_ready_is_waited_for(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    begin(context, now=NIGHT)
    snapshot_is(monkeypatch, aws, status)
    assert advance(context, TARGET, now=NIGHT) == {NAME: f"snapshot {status}"}
    assert exports(aws) == []


@pytest.mark.parametrize("status", ["STARTING", "in_progress"])
def test_an_export_that_runs_is_waited_for(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    begin(context, now=NIGHT)
    export_is(monkeypatch, "FAILED", "CANCELED", "FAILED", status)
    assert advance(context, TARGET, now=NIGHT) == {NAME: "exporting"}
    assert exports(aws) == []


def test_a_snapshot_that_failed_is_recorded_and_told_once(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(context, now=NIGHT)
    with monkeypatch.context() as failed:
        snapshot_is(failed, aws, "failed")
        with pytest.raises(OperationError, match="could not take snapshot"):
            advance(context, TARGET, now=NIGHT)
    assert tags(aws)["BackupResult"] == "failed: no snapshot"
    assert advance(context, TARGET, now=NIGHT) == {}


def test_an_export_is_tried_three_times_and_then_told(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(context, now=NIGHT)
    for attempt in range(1, 4):
        assert advance(context, TARGET, now=NIGHT) == {NAME: "export begun"}
        assert len(exports(aws)) == attempt
        aws.client("rds").cancel_export_task(
            ExportTaskIdentifier=NAME if attempt == 1 else f"{NAME}-{attempt}"
        )
    with pytest.raises(OperationError, match=r"failed 3 times.*backup export manual"):
        advance(context, TARGET, now=NIGHT)
    assert tags(aws)["BackupResult"] == "failed: no export"
    export_is(monkeypatch, "FAILED", "FAILED", "FAILED")
    assert advance(context, TARGET, now=NIGHT) == {}


def test_a_day_that_failed_does_not_keep_the_others_from_their_end(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(context, now=NIGHT - timedelta(days=1))
    begin(context, now=NIGHT)
    yesterday = "manual-backup-staging-daily-20260701"
    seen = [{**snapshot(aws), "Status": "failed"}, snapshot(aws, yesterday)]
    monkeypatch.setattr(daily_backup, "snapshots_of", lambda _: seen)
    with pytest.raises(OperationError, match=NAME):
        advance(context, TARGET, now=NIGHT)
    assert [one["ExportTaskIdentifier"] for one in exports(aws)] == [yesterday]


def test_all_that_failed_is_said(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(context, now=NIGHT - timedelta(days=1))
    begin(context, now=NIGHT)
    yesterday = "manual-backup-staging-daily-20260701"
    seen = [{**snapshot(aws, name), "Status": "failed"} for name in (NAME, yesterday)]
    monkeypatch.setattr(daily_backup, "snapshots_of", lambda _: seen)
    with pytest.raises(OperationError, match=f"{NAME}.*; .*{yesterday}"):
        advance(context, TARGET, now=NIGHT)


def test_what_has_lain_for_days_is_left_alone(aws: Aws, context: Context) -> None:
    begin(context, now=NIGHT - timedelta(days=3))
    begin(context, now=NIGHT)
    assert list(advance(context, TARGET, now=NIGHT)) == [NAME]
    assert len(exports(aws)) == 1


def test_a_missing_database_is_said(make_run: MakeRun) -> None:
    with pytest.raises(StoppedError, match="DBInstance"):
        begin(make_run().context, now=NIGHT)


def test_wherever_a_call_fails_the_next_run_brings_the_backup_to_its_end(
    aws: Aws, network: Network, make_run: MakeRun
) -> None:
    made: set[int] = set()

    def attempt(number: int) -> Any:
        context = make_run(f"e{number}").context
        if number not in made:
            made.add(number)
            make_database(aws, network, f"e{number}")

        def whole_day() -> None:
            begin(context, now=NIGHT)
            for _ in range(2):
                advance(context, TARGET, now=NIGHT)

        return whole_day

    def finished(number: int) -> None:
        name = f"manual-backup-e{number}-daily-20260702"
        assert tags(aws, name)["BackupResult"] == "completed"
        arn = snapshot(aws, name)["DBSnapshotArn"]
        assert [one["SourceArn"] for one in exports(aws)].count(arn) == 1

    fails_and_goes_on(aws, ("rds",), attempt, finished)


def test_by_hand_it_is_begun_and_brought_further(
    aws: Aws, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--json", "backup", "daily", "--bucket", TARGET.bucket, "--role-arn", ROLE]
    for states in (["export begun"], ["completed"]):
        assert cli.main(["--stack", context.platform.environment, *words]) == 0
        assert list(json.loads(capsys.readouterr().out).values()) == states
    assert len(exports(aws)) == 1
