"""The daily backup: begun once a day, and brought to its end by runs of which none waits."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import botocore.exceptions
import pytest

from operations import backup, cli, daily_backup
from operations.aws import Aws
from operations.daily_backup import COMPLETED, Target, advance, begin
from operations.errors import OperationError, StoppedError
from operations.steps import Context, Step, run_steps
from tests.operations.conftest import MakeRun, audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.stack import ROLE, Network, make_database, make_network

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


def manual_snapshots(aws: Aws) -> list[dict[str, Any]]:
    return list(aws.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"])


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
        "backup prune",
        "daily backup result",
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


@pytest.mark.parametrize("status", ["STARTING", "in_progress", "CANCELING"])
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
    found = backup.exports_of

    def all_failed(*of: Any) -> list[dict[str, Any]]:
        return [{**export, "Status": "FAILED"} for export in found(*of)]

    for module in (backup, daily_backup):
        monkeypatch.setattr(module, "exports_of", all_failed)
    for attempt in range(1, 4):
        assert advance(context, TARGET, now=NIGHT) == {NAME: "export begun"}
        assert len(exports(aws)) == attempt
    with pytest.raises(OperationError, match=r"failed 3 times.*backup export manual"):
        advance(context, TARGET, now=NIGHT)
    assert tags(aws)["BackupResult"] == "failed: no export"
    export_is(monkeypatch, "FAILED", "FAILED", "FAILED")
    assert advance(context, TARGET, now=NIGHT) == {}


def test_an_export_that_was_cancelled_is_recorded_and_not_begun_again(
    aws: Aws, context: Context
) -> None:
    begin(context, now=NIGHT)
    advance(context, TARGET, now=NIGHT)
    aws.client("rds").cancel_export_task(ExportTaskIdentifier=NAME)
    assert advance(context, TARGET, now=NIGHT) == {NAME: "cancelled"}
    assert tags(aws)["BackupResult"] == "cancelled"
    assert advance(context, TARGET, now=NIGHT) == {}
    assert len(exports(aws)) == 1


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
    aws: Aws, context: Context, audit_group: str
) -> None:
    assert audit_group

    def whole_day() -> None:
        begin(context, now=NIGHT)
        for _ in range(2):
            advance(context, TARGET, now=NIGHT)

    told: list[str] = []
    clients = [aws.client(name) for name in ("rds", "logs")]
    met = fails_at_every_call(clients, whole_day, lambda stopped: told.append(stopped.go_on))
    assert {call.step for call in met} >= {
        *("", f"take snapshot {NAME}", f"export snapshot {NAME} to exports"),
        f"record result of {NAME}: completed",
    }
    assert any("prune_backups" in call.by for call in met)
    assert all("run `backup " in go_on for go_on in told)
    assert tags(aws)["BackupResult"] == "completed"
    (export,) = exports(aws)
    assert export["SourceArn"] == snapshot(aws)["DBSnapshotArn"]


@pytest.mark.parametrize("fails", ["prune", "tell"])
def test_what_fails_after_the_export_is_done_by_the_next_run(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    did: list[str] = []

    def do(what: str) -> None:
        did.append(what)
        if did.count(what) == 1 and what == fails:
            raise botocore.exceptions.ReadTimeoutError(endpoint_url="http://aws")

    def prune(_: Context) -> None:
        run_steps(context, "prune", [Step("prune", partial(do, "prune"))], go_on="run `x`")

    monkeypatch.setattr(daily_backup, "prune_backups", prune)
    begin(context, now=NIGHT)
    advance(context, TARGET, now=NIGHT)
    with pytest.raises(StoppedError):
        advance(context, TARGET, tell=partial(do, "tell"), now=NIGHT)
    assert "BackupResult" not in tags(aws)
    assert advance(context, TARGET, tell=partial(do, "tell"), now=NIGHT) == {NAME: COMPLETED}
    assert (did.count(fails), did[-2:]) == (2, ["prune", "tell"])
    assert tags(aws)["BackupResult"] == "completed"
    assert advance(context, TARGET, tell=partial(do, "tell"), now=NIGHT) == {}


def test_by_hand_it_is_begun_and_brought_further(
    aws: Aws, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--json", "backup", "daily", "--bucket", TARGET.bucket, "--role-arn", ROLE]
    for states in (["export begun"], ["completed"]):
        assert cli.main(["--stack", context.platform.environment, *words]) == 0
        assert list(json.loads(capsys.readouterr().out).values()) == states
    assert len(exports(aws)) == 1


def test_a_dry_run_by_hand_shows_each_step_once_and_does_none(
    aws: Aws, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(context, now=datetime.now(UTC) - timedelta(days=1))
    (yesterday,) = (one["DBSnapshotIdentifier"] for one in manual_snapshots(aws))
    words = ["--dry-run", "backup", "daily", "--bucket", TARGET.bucket, "--role-arn", ROLE]
    assert cli.main(["--stack", "staging", *words]) == 0
    text = capsys.readouterr().err
    assert text.count("would: take snapshot manual-backup-staging-daily-") == 1
    assert text.count(f"would: export snapshot {yesterday} to exports") == 1
    assert (len(manual_snapshots(aws)), exports(aws)) == (1, [])
    assert cli.main(["--stack", "staging", "--json", *words]) == 0
    assert len(json.loads(capsys.readouterr().out)["would"]) == 2
