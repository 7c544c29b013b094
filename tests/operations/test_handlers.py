"""The functions' entry points: what they are told, what they do, and when they say so."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from operations import daily_backup
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.handlers import backup, backup_freshness, parameter_backup, surroundings
from operations.parameters import verify_parameters_backup
from operations.platform import Platform
from tests.operations.conftest import REGION, MakeRun
from tests.operations.stack import ROLE, make_database, make_network

REPOSITORY = Path(__file__).parents[2]
BUCKET = "exports"


@pytest.fixture(autouse=True)
def function(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack with database, parameters and bucket, and a function's environment."""
    network = make_network(aws)
    make_database(aws, network)
    aws.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    kms = aws.client("kms")
    kms.create_alias(AliasName=Platform("staging").key_alias("parameters"), TargetKeyId=network.key)
    aws.client("ssm").put_parameter(
        Name=Platform("staging").parameter("jwt-secret"), Value="s3cret", Type="SecureString"
    )
    # As in a function that is still warm.
    monkeypatch.setattr(surroundings, "Aws", lambda _: aws)
    for name, value in {
        "AWS_REGION": REGION,
        "ENVIRONMENT": "staging",
        "EXPORT_BUCKET": BUCKET,
        "EXPORT_ROLE_ARN": ROLE,
    }.items():
        monkeypatch.setenv(name, value)


def heartbeats(aws: Aws) -> list[str]:
    """The functions that said that they have succeeded."""
    cloudwatch = aws.client("cloudwatch")
    metrics = cloudwatch.list_metrics(Namespace="AussieMarkets/Operations")["Metrics"]
    said = []
    for metric in metrics:
        dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        assert (metric["MetricName"], dimensions["Environment"]) == ("Succeeded", "staging")
        said.append(dimensions["Function"])
    return said


def test_the_backup_says_that_it_succeeded_when_its_result_is_recorded(aws: Aws) -> None:
    (name,) = backup.handler({"step": "begin"}, None)
    assert backup.handler({"step": "go on"}, None) == {name: "export begun"}
    assert heartbeats(aws) == []
    assert backup.handler({"step": "go on"}, None) == {name: "completed"}
    assert heartbeats(aws) == ["backup"]


def test_a_full_region_costs_no_backup_before_its_time(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    rds = aws.client("rds")
    for number in range(5):
        rds.create_db_snapshot(
            DBInstanceIdentifier=Platform("staging").database,
            DBSnapshotIdentifier=f"manual-backup-staging-{number}",
            Tags=[{"Key": "BackupType", "Value": "manual"}],
        )
    monkeypatch.setattr("operations.backup._manual_snapshots_of_region", lambda _: [{}] * 100)
    for step in ("begin", "go on", "go on"):
        backup.handler({"step": step}, None)
    assert heartbeats(aws) == ["backup"]
    assert len(rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]) == 6


def test_a_heartbeat_that_failed_is_made_up_for(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise botocore.exceptions.ReadTimeoutError(endpoint_url="http://aws")

    backup.handler({"step": "begin"}, None)
    backup.handler({"step": "go on"}, None)
    with monkeypatch.context() as silent:
        silent.setattr(aws.client("cloudwatch"), "put_metric_data", fail)
        with pytest.raises(StoppedError):
            backup.handler({"step": "go on"}, None)
    assert heartbeats(aws) == []
    backup.handler({"step": "go on"}, None)
    assert heartbeats(aws) == ["backup"]


def test_parameters_are_backed_up_without_a_secret_in_clear(aws: Aws) -> None:
    key = parameter_backup.handler({}, None)["key"]
    body = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    (parameter,) = json.loads(body)["parameters"]
    assert parameter["Name"] == "/aussie-markets/staging/jwt-secret"
    assert b"s3cret" not in body
    assert heartbeats(aws) == ["parameter-backup"]


def test_fresh_backups_are_found_fresh(aws: Aws) -> None:
    (name,) = backup.handler({"step": "begin"}, None)
    key = parameter_backup.handler({}, None)["key"]
    found = backup_freshness.handler({}, None)
    assert found == {"database": name, "parameters": key}
    assert "backup-freshness" in heartbeats(aws)


def test_what_is_missing_is_an_error_and_no_heartbeat(aws: Aws) -> None:
    with pytest.raises(OperationError, match="has no backup manual-backup-"):
        backup_freshness.handler({}, None)
    backup.handler({"step": "begin"}, None)
    with pytest.raises(OperationError, match=r"holds no backup.*parameters backup"):
        backup_freshness.handler({}, None)
    assert heartbeats(aws) == []


@pytest.mark.parametrize(("hours", "good"), [(1.9, True), (2.1, False)])
def test_a_parameter_backup_is_fresh_for_two_hours(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, hours: float, good: bool
) -> None:
    key = parameter_backup.handler({}, None)["key"]

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls.fromisoformat((datetime.now(tz) + timedelta(hours=hours)).isoformat())

    monkeypatch.setattr("operations.parameters.datetime", Later)
    context = make_run().context
    if good:
        assert verify_parameters_backup(context, BUCKET) == key
    else:
        with pytest.raises(OperationError, match="older than 2 hours"):
            verify_parameters_backup(context, BUCKET)


def test_a_function_works_in_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "Aws", Aws)
    assert surroundings.context().aws.region == REGION


@pytest.mark.parametrize("event", [{}, {"step": "export"}])
def test_another_event_is_refused(event: dict[str, str]) -> None:
    with pytest.raises(InputError, match="must be 'begin' or 'go on'"):
        backup.handler(event, None)


@pytest.mark.parametrize("missing", ["ENVIRONMENT", "EXPORT_BUCKET", "EXPORT_ROLE_ARN"])
def test_what_the_stack_did_not_say_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(OperationError, match=f"no environment variable {missing}: run"):
        backup.handler({"step": "go on"}, None)


def test_the_day_begins_at_midnight_in_brisbane() -> None:
    midnight = datetime(2026, 7, 1, 14, tzinfo=UTC).astimezone(daily_backup.ZONE)
    assert (midnight.day, midnight.hour) == (2, 0)


def test_functions_need_nothing_that_lambda_lacks() -> None:
    handlers = ("backup", "parameter_backup", "backup_freshness")
    program = "\n".join(
        [
            "import sys",
            "for missing in ('typer', 'rich', 'click', 'pulumi', 'pydantic'):",
            "    sys.modules[missing] = None",
            *(f"import operations.handlers.{name}" for name in handlers),
        ]
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
