"""The stack's own functions, run by their own schedules in the local cloud."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import pytest

from tests.engine.conftest import LocalCloud, MakeCloud

ENVIRONMENT: Final = "staging"
DATABASE: Final = "aussie-markets-db-staging"
BRISBANE: Final = ZoneInfo("Australia/Brisbane")
PATIENCE_SECONDS: Final = 60

_Found = TypeVar("_Found")


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    made = make_cloud()
    answer = made.run("up", "--stack", ENVIRONMENT)
    assert answer.code == 0, answer.text
    return made


def schedules(cloud: LocalCloud, function: str) -> Iterator[dict[str, Any]]:
    scheduler = cloud.client("scheduler")
    for group in scheduler.list_schedule_groups()["ScheduleGroups"]:
        for one in scheduler.list_schedules(GroupName=group["Name"])["Schedules"]:
            schedule = scheduler.get_schedule(GroupName=group["Name"], Name=one["Name"])
            if schedule["Target"]["Arn"].endswith(f":function:aussie-markets-{function}-staging"):
                yield schedule


def bring_forward(cloud: LocalCloud, function: str, event: dict[str, str]) -> None:
    """Let a schedule of the stack fire in a moment, as it would at its time."""
    (schedule,) = [
        one for one in schedules(cloud, function) if json.loads(one["Target"]["Input"]) == event
    ]
    moment = datetime.now(BRISBANE) + timedelta(seconds=3)
    kept = ("GroupName", "Name", "Target", "FlexibleTimeWindow", "ScheduleExpressionTimezone")
    cloud.client("scheduler").update_schedule(
        **{key: schedule[key] for key in kept},
        ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
    )


def eventually(look: Callable[[], _Found | None]) -> _Found:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    pytest.fail(f"nothing was found within {PATIENCE_SECONDS} s")


def daily_snapshot(cloud: LocalCloud) -> dict[str, Any] | None:
    found = cloud.client("rds").describe_db_snapshots(
        DBInstanceIdentifier=DATABASE, SnapshotType="manual"
    )["DBSnapshots"]
    return next((one for one in found if "-daily-" in one["DBSnapshotIdentifier"]), None)


def tags(snapshot: dict[str, Any] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in (snapshot or {}).get("TagList", ())}


def heartbeats(cloud: LocalCloud) -> set[str]:
    metrics = cloud.client("cloudwatch").list_metrics(Namespace="AussieMarkets/Operations")
    return {
        dimension["Value"]
        for metric in metrics["Metrics"]
        for dimension in metric["Dimensions"]
        if dimension["Name"] == "Function"
    }


def invoke(cloud: LocalCloud, function: str, event: dict[str, str]) -> dict[str, Any]:
    answer = cloud.client("lambda").invoke(
        FunctionName=f"aussie-markets-{function}-staging", Payload=json.dumps(event)
    )
    return {"error": answer.get("FunctionError"), "text": answer["Payload"].read().decode()}


def test_the_daily_backup_leaves_snapshot_export_and_record(cloud: LocalCloud) -> None:
    rds = cloud.client("rds")
    bring_forward(cloud, "backup", {"step": "begin"})
    snapshot = eventually(lambda: daily_snapshot(cloud))
    assert tags(snapshot)["BackupType"] == "manual"

    bring_forward(cloud, "backup", {"step": "go on"})
    (export,) = eventually(lambda: rds.describe_export_tasks()["ExportTasks"])
    outputs = cloud.outputs(ENVIRONMENT)
    assert export["SourceArn"] == snapshot["DBSnapshotArn"]
    assert export["S3Bucket"] == outputs["export_bucket_name"]
    assert export["IamRoleArn"] == outputs["export_role_arn"]

    bring_forward(cloud, "backup", {"step": "go on"})
    eventually(lambda: tags(daily_snapshot(cloud)).get("BackupResult") == "completed")
    eventually(lambda: "backup" in heartbeats(cloud))


def test_the_parameters_are_backed_up_and_both_backups_found_fresh(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    outputs = cloud.outputs(ENVIRONMENT)
    bucket = outputs["export_bucket_name"]
    where = {"Bucket": bucket, "Prefix": "parameters/staging/"}

    bring_forward(cloud, "parameter-backup", {})
    written = eventually(lambda: s3.list_objects_v2(**where).get("Contents"))
    body = s3.get_object(Bucket=bucket, Key=written[0]["Key"])["Body"].read()
    names = {one["Name"] for one in json.loads(body)["parameters"]}
    assert "/aussie-markets/staging/database-url" in names
    eventually(lambda: "parameter-backup" in heartbeats(cloud))

    # The day's snapshot, if no other test has had it taken.
    assert invoke(cloud, "backup", {"step": "begin"})["error"] is None
    answer = invoke(cloud, "backup-freshness", {})
    assert answer["error"] is None, answer
    assert json.loads(answer["text"])["parameters"] == written[-1]["Key"]
    assert "backup-freshness" in heartbeats(cloud)


def test_what_is_wrong_is_an_error_of_the_function(cloud: LocalCloud) -> None:
    answer = invoke(cloud, "backup", {"step": "sideways"})
    assert answer["error"] is not None
    assert "must be 'begin' or 'go on'" in answer["text"]
