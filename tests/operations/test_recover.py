"""Disaster recovery: the point, the way to it, where it stops, and how it goes on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from operations import adoption, cli, database, failover, maintenance, recover, service
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.load_balancer import find_listener, load_balancers
from operations.objectives import Stopwatch
from operations.recover import Options
from operations.recovery_points import LATEST, Wish, choose_point, make_wish
from operations.steps import Context
from tests.health import Health
from tests.operations.conftest import REGION, MakeRun, audit_lines
from tests.operations.faults import fails_at_every_call
from tests.operations.killed import KilledAfterEachChange
from tests.operations.stack import (
    DATABASE_URN,
    Network,
    PulumiState,
    make_database,
    make_failover,
    make_network,
    make_scaling,
    make_service,
    put_database_url,
    watched,
)

DATABASE: Final = "aussie-markets-db-staging"
RECOVERY: Final = f"{DATABASE}-recovery"
HOST: Final = "staging-api.aussie-markets.com"


@pytest.fixture
def zone(aws: Aws) -> str:
    made = aws.client("route53").create_hosted_zone(Name="aussie-markets.com", CallerReference="z")
    return str(made["HostedZone"]["Id"])


@pytest.fixture(autouse=True)
def phases(monkeypatch: pytest.MonkeyPatch) -> None:
    # Phases have a test of their own, and the emulator ends a deployment at once.
    monkeypatch.setattr(service.Phases, "_phase", lambda _: "")


@pytest.fixture(autouse=True)
def old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recover, "JUST_MADE", timedelta(0))
    monkeypatch.setattr(recover, "DRILL_RUNS", timedelta(0))


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> PulumiState:
    present = PulumiState()
    monkeypatch.setattr(adoption, "pulumi", present.pulumi)
    return present


def describe(aws: Aws, name: str) -> dict[str, Any]:
    return dict(
        aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    )


def names(aws: Aws) -> list[str]:
    found = aws.client("rds").describe_db_instances()["DBInstances"]
    return sorted(one["DBInstanceIdentifier"] for one in found)


def tags(instance: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance["TagList"]}


def delete(aws: Aws, name: str = DATABASE) -> None:
    rds = aws.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False)
    rds.delete_db_instance(
        DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=False
    )


def rename(aws: Aws, name: str, new: str) -> None:
    aws.client("rds").modify_db_instance(
        DBInstanceIdentifier=name, NewDBInstanceIdentifier=new, ApplyImmediately=True
    )


@pytest.fixture
def network(aws: Aws) -> Network:
    return make_network(aws)


def make_stack(aws: Aws, network: Network, zone: str | None, environment: str = "staging") -> str:
    """All that a recovery touches; the id of the health check."""
    make_database(aws, network, environment)
    put_database_url(aws, environment)
    make_service(aws, network, environment)
    make_scaling(aws, environment)
    host = f"{environment}-api.aussie-markets.com"
    return make_failover(aws, zone, host, environment) if zone else ""


@pytest.fixture
def stack(aws: Aws, network: Network, zone: str, state: PulumiState) -> str:
    check = make_stack(aws, network, zone)
    state.remember(aws)
    return check


def checked(aws: Aws, check: str) -> tuple[bool, bool]:
    config = aws.client("route53").get_health_check(HealthCheckId=check)["HealthCheck"]
    config = config["HealthCheckConfig"]
    return config.get("Disabled", False), config.get("Inverted", False)


# -- the recovery -----------------------------------------------------------------------------


def test_a_damaged_database_is_put_aside_and_the_restored_one_takes_its_name(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, audit_group: str
) -> None:
    before = describe(aws, DATABASE)
    run = make_run(yes=True)
    report = recover.recover(run.context, Options(health_url=health.url))
    after = describe(aws, DATABASE)
    aside = describe(aws, report["damaged"])
    assert aside["DBInstanceIdentifier"].startswith(f"{DATABASE}-damaged-2")
    assert aside["DbiResourceId"] == before["DbiResourceId"] != after["DbiResourceId"]
    assert after["Endpoint"] == before["Endpoint"]
    assert after["DeletionProtection"]
    assert aside["DeletionProtection"]
    assert database.unlike(before, after) == []
    assert after["MaxAllocatedStorage"] == 100
    assert after["MonitoringRoleArn"] == before["MonitoringRoleArn"]
    # Nothing of the recovery is left that the program does not describe.
    assert tags(after) == tags(before)
    assert names(aws) == sorted([DATABASE, report["damaged"]])
    assert checked(aws, stack) == (False, False)
    (line,) = audit_lines(audit_group)
    assert (line["command"], line["outcome"]) == ("recover", "done")
    assert "p/w" not in run.text + str(line)


def test_users_see_the_status_page_while_the_database_is_restored(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    stack: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[bool, bool]] = []
    real = database.wait_for_instance

    def look(context: Context, name: str) -> None:
        seen.append(checked(aws, stack))
        real(context, name)

    monkeypatch.setattr(recover, "wait_for_instance", look)
    recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    # Disabled alone would count as healthy, inverted alone as healthy once the API fails.
    assert set(seen) == {(True, True)}
    assert checked(aws, stack) == (False, False)


def test_a_database_that_is_gone_comes_back_from_what_rds_retained(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    before, sent = describe(aws, DATABASE), dict[str, Any]()
    delete(aws)
    aws.client("rds").meta.events.register_first(
        "before-parameter-build.rds.RestoreDBInstanceToPointInTime",
        lambda params, **_: sent.update(params),
    )
    report = recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    assert stack
    after = describe(aws, DATABASE)
    assert sent["SourceDbiResourceId"] == before["DbiResourceId"]
    assert sent["UseLatestRestorableTime"]
    assert (sent["DBSubnetGroupName"], sent["DBParameterGroupName"]) == ("private", "tuned")
    assert sent["VpcSecurityGroupIds"] == [before["VpcSecurityGroups"][0]["VpcSecurityGroupId"]]
    assert sent["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert "Iops" not in sent
    # The setting of the damaged one was lifted to delete it; the state knows the program's.
    assert after["DeletionProtection"]
    assert tags(after) == {"Environment": "staging"}
    assert (report["damaged"], names(aws)) == (None, [DATABASE])


def test_the_restored_database_gets_the_password_that_the_api_has(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    sent: list[dict[str, Any]] = []
    aws.client("rds").meta.events.register_first(
        "before-parameter-build.rds.ModifyDBInstance",
        lambda params, **_: sent.append(dict(params)),
    )
    recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    assert stack
    assert [one["MasterUserPassword"] for one in sent if "MasterUserPassword" in one] == ["p/w"]


def test_tasks_read_the_parameters_anew_and_bounds_move_with_the_count(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    assert stack
    context = make_run(yes=True).context
    before = service.require_service(context)["deployments"][0]["id"]
    options = Options(scale=4, health_url=health.url)
    with pytest.MonkeyPatch.context() as patch:
        # The emulator runs two tasks whatever is desired.
        patch.setattr(recover, "wait_for_deployment", lambda *_: None)
        report = recover.recover(context, options)
    after = service.require_service(context)
    assert after["deployments"][0]["id"] != before
    (target,) = aws.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs"
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (4, 4)
    assert after["desiredCount"] == 4
    assert "`pulumi up --refresh` puts back" in report["afterwards"][-1]


def test_the_report_has_each_steps_time_beside_the_documented_objectives(
    make_run: MakeRun, health: Health, stack: str
) -> None:
    assert stack
    report = recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    rows = {one["component"]: one for one in report["objectives"]}
    documented = {
        "Database": (240, 15),
        "API Service": (30, 0),
        "Static Assets": (15, 60),
        "Configuration": (15, 60),
    }
    assert {k: (v["rto_minutes"], v["rpo_minutes"]) for k, v in rows.items()} == documented
    assert [rows[name]["outcome"] for name in documented] == [
        "met",
        "met",
        "not part of this run",
        "not part of this run",
    ]
    assert [one["step"] for one in report["steps"]][-1] == "see that the API is healthy"
    assert all(one["seconds"] >= 0 for one in report["steps"])


def test_a_missed_objective_is_named_and_an_old_point_warned_of(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack
    old = {
        "DBInstanceIdentifier": DATABASE,
        "DbiResourceId": describe(aws, DATABASE)["DbiResourceId"],
        "Status": "active",
        "RestoreWindow": {
            "EarliestTime": datetime.now(UTC) - timedelta(days=2),
            "LatestTime": datetime.now(UTC) - timedelta(minutes=40),
        },
    }
    only_backups(monkeypatch, aws, [old], [])
    clock = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(recover, "Stopwatch", lambda: Stopwatch(lambda: float(next(clock))))
    run = make_run(yes=True)
    report = recover.recover(run.context, Options(health_url=health.url))
    rows = {one["component"]: one for one in report["objectives"]}
    assert rows["Database"]["outcome"] == "RTO missed and RPO missed"
    assert rows["API Service"]["outcome"] == "RTO missed"
    assert rows["Database"]["lost_minutes"] == pytest.approx(40, abs=1)
    assert "warning: that is more than the objective's 15 minutes" in run.text


def test_a_stack_without_failover_says_so_and_recovers(
    aws: Aws, make_run: MakeRun, health: Health, network: Network, state: PulumiState
) -> None:
    make_stack(aws, network, None)
    state.remember(aws)
    run = make_run(yes=True)
    recover.recover(run.context, Options(health_url=health.url))
    assert (
        "no failover record leads to the load balancer, so that there is no status page" in run.text
    )
    with pytest.raises(OperationError, match="add --health"):
        recover.recover(run.context, Options())
    assert len(names(aws)) == 2


def test_what_is_left_to_do_is_said(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, state: PulumiState
) -> None:
    assert stack
    old = describe(aws, DATABASE)["DbiResourceId"]
    replication = {"urn": "urn:replica", "type": adoption.REPLICATION, "inputs": {}}
    state.resources.append(replication)
    replica = f"{DATABASE}-replica-1"
    aws.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier=replica, SourceDBInstanceIdentifier=DATABASE
    )
    report = recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    new = describe(aws, DATABASE)["DbiResourceId"]
    text = "\n".join(report["afterwards"])
    assert "python -m operations --stack staging recover adopt" in text
    assert f"sed 's/{old}/{new}/g' before-adoption.json > adopted.json" in text
    assert f"pulumi refresh --yes --skip-preview --target '{DATABASE_URN}' --stack staging" in text
    assert "pulumi up --stack staging --replace 'urn:replica'" in text
    assert f"delete {report['damaged']}" in text
    followed = f"delete {replica}, which follow {report['damaged']}, and `pulumi up --refresh`"
    assert f"after the adoption: {followed}" in text


# -- asking, refusing, showing ----------------------------------------------------------------


def test_a_recovery_asks_first_and_a_dry_run_changes_nothing(
    aws: Aws, make_run: MakeRun, stack: str
) -> None:
    assert stack
    with pytest.raises(InputError, match=r"put aside.*status page.*add --yes"):
        recover.recover(make_run().context, Options())
    services = ("rds", "route53", "ecs", "application-autoscaling", "ssm", "logs")
    run = make_run(dry_run=True)
    with watched(aws, *services) as calls:
        assert recover.recover(run.context, Options()) == {}
        assert recover.drill(run.context, LATEST) == {}
    assert not [name for name in calls.made if not name.startswith(("Describe", "Get", "List"))]
    assert f"would: rename {RECOVERY} to {DATABASE}" in run.text


def test_a_database_that_was_made_just_now_is_not_recovered_by_accident(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack
    monkeypatch.setattr(recover, "JUST_MADE", timedelta(hours=1))
    context = make_run(yes=True).context
    with pytest.raises(OperationError, match=r"was made \d+ minutes ago: .*--again"):
        recover.recover(context, Options(health_url=health.url))
    # RDS gives it no time until it is available.
    made = {**describe(aws, DATABASE), "DBInstanceStatus": "creating"}
    del made["InstanceCreateTime"]
    with monkeypatch.context() as patch:
        patch.setattr(recover, "find_instance", lambda _, name: {DATABASE: made}.get(name))
        with pytest.raises(OperationError, match="was made 0 minutes ago"):
            recover.recover(context, Options(health_url=health.url))
    assert names(aws) == [DATABASE]
    recover.recover(context, Options(health_url=health.url, again=True))
    assert len(names(aws)) == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--at", "2999-01-01T00:00:00Z"], "must not be in the future"),
        (["--at", "yesterday"], "must be a time such as"),
        (["--at", "2026-07-01T02:00Z", "--snapshot", "s"], "exclude each other"),
        (["--snapshot", "No Name"], "is no snapshot's name"),
        (["--scale", "0"], "must be 1 or more"),
        (["--health", "file:///etc/passwd"], "must begin with https"),
        (["--drill", "--scale", "3"], "--drill does not touch the API"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    problem: str,
) -> None:
    monkeypatch.setattr(cli, "Aws", lambda *_: aws)
    with watched(aws, "rds", "route53", "ecs", "ssm") as calls:
        assert cli.main(["--stack", "staging", "--yes", "recover", *words]) == 1
    assert problem in capsys.readouterr().err
    assert calls.made == []


def test_a_time_without_a_zone_is_taken_as_utc_and_that_is_said(make_run: MakeRun) -> None:
    run = make_run()
    assert make_wish(run.context, "2026-07-01T02:00", None).at == datetime(
        2026, 7, 1, 2, tzinfo=UTC
    )
    assert "names no zone: taken as UTC" in run.text
    wish = make_wish(run.context, "2026-07-01T02:00+10:00", None)
    assert wish.at == datetime(2026, 6, 30, 16, tzinfo=UTC)


def test_what_cannot_be_recovered_from_is_refused(
    aws: Aws, make_run: MakeRun, network: Network, stack: str
) -> None:
    assert stack
    make_database(aws, network, "other")
    rds = aws.client("rds")
    rds.create_db_snapshot(
        DBInstanceIdentifier="aussie-markets-db-other", DBSnapshotIdentifier="others"
    )
    context = make_run(yes=True).context
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for wish, problem in (
        (Wish(snapshot="others"), "is one of aussie-markets-db-other"),
        (Wish(snapshot="none"), "there is no snapshot none"),
        (Wish(at=long_ago), "can be restored to no time at or before 2020-01-01"),
    ):
        with pytest.raises(OperationError, match=problem):
            recover.recover(context, Options(wish))
    aws.client("ssm").delete_parameter(Name="/aussie-markets/staging/database-url")
    with pytest.raises(OperationError, match="run `parameters restore database-url` first"):
        recover.recover(context, Options())
    make_database(aws, network, "staging-recovery")
    with pytest.raises(OperationError, match="is of no recovery"):
        recover.recover(context, Options())
    assert names(aws) == sorted([DATABASE, RECOVERY, "aussie-markets-db-other"])


def test_the_command_answers_in_json_and_shows_tables(
    aws: Aws,
    health: Health,
    stack: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert stack
    monkeypatch.setattr(cli, "Aws", lambda *_: aws)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(cli, "Context", partial(Context, sleep=lambda _: None))
    words = ["recover", "--health", health.url]
    assert cli.main(["--stack", "staging", "--json", "--yes", *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["database"] == DATABASE
    assert {"steps", "objectives", "afterwards"} < report.keys()
    assert cli.main(["--stack", "staging", "recover", "--drill"]) == 0
    shown = capsys.readouterr().out
    assert "Objectives" in shown
    assert "Configuration" in shown
    # The first one was put aside within this second.
    delete(aws, report["damaged"])
    assert cli.main(["--stack", "staging", "--yes", *words]) == 0
    assert "recover adopt\n" in capsys.readouterr().err


# -- recovery points --------------------------------------------------------------------------

NOW: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)


def backups(
    resource_id: str,
    latest: datetime,
    status: str = "active",
    name: str = DATABASE,
    earliest: datetime = NOW - timedelta(days=7),
) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name,
        "DbiResourceId": resource_id,
        "Status": status,
        "RestoreWindow": {"EarliestTime": earliest, "LatestTime": latest},
    }


def snapshot(
    identifier: str, hours: float, status: str = "available", name: str = DATABASE
) -> dict[str, Any]:
    return {
        "DBSnapshotIdentifier": identifier,
        "DBInstanceIdentifier": name,
        "SnapshotCreateTime": NOW - timedelta(hours=hours),
        "Status": status,
    }


def copied(found: dict[str, Any], hours: float) -> dict[str, Any]:
    return {**found, "OriginalSnapshotCreateTime": NOW - timedelta(hours=hours)}


# A recovery began an hour before, to the wrong time, and what it restored has backups since.
ASIDE: Final = f"{DATABASE}-damaged-20260701-110000"
SECOND_TIME: Final = [
    backups("db-aside", NOW, name=ASIDE),
    backups("db-now", NOW, earliest=NOW - timedelta(minutes=20)),
    backups("db-drill", NOW, name=f"{DATABASE}-drill-20260701-110000"),
]


def only_backups(
    monkeypatch: pytest.MonkeyPatch,
    aws: Aws,
    automated: list[dict[str, Any]],
    snapshots: list[dict[str, Any]],
) -> None:
    real = Aws.pages

    def pages(self: Aws, name: str, operation: str, items: str, **how: Any) -> Iterator[Any]:
        if operation == "describe_db_instance_automated_backups":
            return iter(automated)
        if operation == "describe_db_snapshots":
            vault = how.get("SnapshotType") == "awsbackup"
            wanted = [one for one in snapshots if one.get("vault", False) == vault]
            return iter(wanted)
        return real(self, name, operation, items, **how)

    monkeypatch.setattr(Aws, "pages", pages)
    assert aws


@pytest.mark.parametrize(
    ("automated", "snapshots", "wanted", "expected"),
    [
        # Within the objective the point in time is taken, though a snapshot is newer.
        ([backups("db-1", NOW - timedelta(minutes=5))], [snapshot("s", 0.01)], NOW, "db-1"),
        # Beyond it the newest of all is.
        ([backups("db-1", NOW - timedelta(hours=3))], [snapshot("s", 1)], NOW, "s"),
        ([backups("db-1", NOW - timedelta(hours=1))], [snapshot("s", 3)], NOW, "db-1"),
        # A deleted instance's backups count, and the newest of several.
        (
            [
                backups("db-1", NOW - timedelta(days=2), "retained"),
                backups("db-2", NOW, "retained"),
            ],
            [],
            NOW,
            "db-2",
        ),
        # Nothing after what is wished, nothing unfinished.
        ([], [snapshot("new", 1), snapshot("old", 9), snapshot("x", 3, "creating")], 2, "old"),
        ([backups("db-1", NOW, "creating")], [snapshot("old", 9)], NOW, "old"),
        # AWS Backup's are listed apart.
        ([], [snapshot("old", 9), {**snapshot("awsbackup:j", 4), "vault": True}], 2, "awsbackup:j"),
        # A copy is as old as its data.
        ([], [snapshot("old", 9), copied(snapshot("copy", 1), hours=48)], NOW, "old"),
        # What was put aside counts until then, though it still has backups; another's never do.
        (SECOND_TIME, [], 5, "db-aside"),
        (SECOND_TIME, [], NOW, "db-now"),
        (SECOND_TIME, [snapshot("since", 0.5, name=ASIDE), snapshot("old", 2)], 0.4, "db-aside"),
        ([], [snapshot("since", 0.5, name=ASIDE), snapshot("was", 2, name=ASIDE)], 0.4, "was"),
        ([], [snapshot("copy", 1, name=f"{DATABASE}-restore"), snapshot("old", 9)], NOW, "old"),
    ],
)
def test_the_newest_point_before_the_wished_time_is_chosen(
    aws: Aws,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    automated: list[dict[str, Any]],
    snapshots: list[dict[str, Any]],
    wanted: datetime | float,
    expected: str,
) -> None:
    only_backups(monkeypatch, aws, automated, snapshots)
    at = wanted if isinstance(wanted, datetime) else NOW - timedelta(hours=wanted)
    point = choose_point(make_run().context, Wish(at=at))
    assert (point.snapshot or point.resource_id) == expected
    assert point.time <= at
    if expected == "db-aside":
        assert point.time <= NOW - timedelta(hours=1)
        assert str(point).endswith(f"(point in time of {ASIDE})")


def test_a_second_recovery_reaches_the_backups_of_the_instance_that_the_first_put_aside(
    aws: Aws, make_run: MakeRun, network: Network, stack: str
) -> None:
    assert stack
    context = make_run().context
    damaged, at = describe(aws, DATABASE)["DbiResourceId"], datetime.now(UTC)
    aside = f"{DATABASE}-damaged-{at + timedelta(seconds=1):%Y%m%d-%H%M%S}"
    rename(aws, DATABASE, aside)
    make_database(aws, network)
    point = choose_point(context, Wish(at=at))
    assert (point.resource_id, point.put_aside, point.newest) == (damaged, aside, False)


def test_the_latest_is_never_of_what_was_put_aside_whatever_name_its_backups_have_kept(
    aws: Aws, make_run: MakeRun, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_database(aws, network)
    rename(aws, DATABASE, ASIDE)
    aside = backups(describe(aws, ASIDE)["DbiResourceId"], NOW)
    now = backups("db-now", NOW - timedelta(minutes=1), earliest=NOW - timedelta(minutes=20))
    only_backups(monkeypatch, aws, [aside, now], [])
    assert choose_point(make_run().context, Wish(at=NOW)).resource_id == "db-now"


def test_without_automated_backups_a_snapshot_is_chosen(
    make_run: MakeRun, aws: Aws, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack
    rds, real = aws.client("rds"), Aws.pages
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="manual-backup-x")

    def pages(self: Aws, name: str, operation: str, items: str, **how: Any) -> Iterator[Any]:
        if operation == "describe_db_instance_automated_backups":
            raise rds.exceptions.DBInstanceAutomatedBackupNotFoundFault(
                {"Error": {"Code": "DBInstanceAutomatedBackupNotFound"}}, operation
            )
        return real(self, name, operation, items, **how)

    monkeypatch.setattr(Aws, "pages", pages)
    assert choose_point(make_run().context, LATEST).snapshot is not None


def test_a_snapshot_has_the_data_of_the_time_that_rds_names_before_all_others() -> None:
    times = {
        "SnapshotCreateTime": NOW,
        "OriginalSnapshotCreateTime": NOW - timedelta(days=1),
        "SnapshotDatabaseTime": NOW - timedelta(days=2),
    }
    assert database.data_time(times) == NOW - timedelta(days=2)
    assert database.data_time({"SnapshotCreateTime": NOW}) == NOW
    assert database.data_time({}) is None


def test_the_requests_for_a_time_and_for_a_snapshot(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    assert stack
    rds, sent = aws.client("rds"), list[tuple[str, dict[str, Any]]]()
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="manual-backup-x")
    rds.meta.events.register_first(
        "before-parameter-build.rds",
        lambda params, model, **_: sent.append((model.name, dict(params))),
    )
    at = datetime.now(UTC)
    report = recover.recover(
        make_run(yes=True).context, Options(Wish(at=at), health_url=health.url)
    )
    # Within a second the next one would be put aside under the same name.
    delete(aws, report["damaged"])
    wish = Wish(snapshot="manual-backup-x")
    recover.recover(make_run(yes=True).context, Options(wish, health_url=health.url))
    requests = {name: params for name, params in sent if name.startswith("Restore")}
    assert requests["RestoreDBInstanceToPointInTime"]["RestoreTime"] == at
    assert requests["RestoreDBInstanceFromDBSnapshot"]["DBSnapshotIdentifier"] == "manual-backup-x"
    assert len(names(aws)) == 2


# -- renaming ---------------------------------------------------------------------------------


def test_renaming_waits_for_rds_which_answers_before_it_has_done_it(
    make_run: MakeRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [
        {"DBInstanceIdentifier": "old", "DBInstanceStatus": "available"},
        {
            "DBInstanceIdentifier": "old",
            "DBInstanceStatus": "available",
            "PendingModifiedValues": {"DBInstanceIdentifier": "new"},
        },
        {
            "DBInstanceIdentifier": "old",
            "DBInstanceStatus": "renaming",
            "PendingModifiedValues": {"DBInstanceIdentifier": "new"},
        },
        {"DBInstanceIdentifier": "new", "DBInstanceStatus": "renaming"},
        {"DBInstanceIdentifier": "new", "DBInstanceStatus": "available"},
    ]
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(database, "find_by_resource_id", lambda *_: told.pop(0))
    monkeypatch.setattr(aws.client("rds"), "modify_db_instance", lambda **how: made.append(how))
    database.rename_instance(make_run().context, "db-1", "new")
    assert (len(made), told) == (1, [])
    assert made[0]["ApplyImmediately"]


@pytest.mark.parametrize("code", ["InvalidDBInstanceState", "DBInstanceAlreadyExists"])
def test_renaming_tries_again_while_rds_is_not_ready_for_it(
    make_run: MakeRun, aws: Aws, network: Network, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    make_database(aws, network)
    rds, refusals = aws.client("rds"), [code]
    real = rds.modify_db_instance

    def modify(**how: Any) -> Any:
        if refusals:
            raise rds.exceptions.ClientError(
                {"Error": {"Code": refusals.pop(), "Message": "not yet"}}, "ModifyDBInstance"
            )
        return real(**how)

    monkeypatch.setattr(rds, "modify_db_instance", modify)
    resource_id = describe(aws, DATABASE)["DbiResourceId"]
    database.rename_instance(make_run().context, resource_id, "new")
    assert names(aws) == ["new"]


def test_what_rds_cannot_rename_or_finish_is_said(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"DBInstanceIdentifier": "old", "DBInstanceStatus": "incompatible-network"}
    monkeypatch.setattr(database, "find_by_resource_id", lambda *_: broken)
    monkeypatch.setattr(database, "find_instance", lambda *_: broken)
    with pytest.raises(OperationError, match="cannot rename old, which is incompatible-network"):
        database.rename_instance(make_run().context, "db-1", "new")
    with pytest.raises(OperationError, match="old is incompatible-network"):
        database.wait_for_instance(make_run().context, "old")


def refused_first(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, operation: str, code: str, message: str
) -> None:
    """Have that call refused once."""
    rds, refusals = aws.client("rds"), [code]
    real = getattr(rds, operation)

    def call(**how: Any) -> Any:
        if refusals:
            raise rds.exceptions.ClientError(
                {"Error": {"Code": refusals.pop(), "Message": message}}, operation
            )
        return real(**how)

    monkeypatch.setattr(rds, operation, call)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidDBInstanceState", "is not in available state"),
        (
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection.",
        ),
    ],
)
def test_an_instance_is_deleted_once_rds_is_ready_for_it(
    aws: Aws,
    make_run: MakeRun,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    message: str,
) -> None:
    make_database(aws, network)
    refused_first(aws, monkeypatch, "delete_db_instance", code, message)
    database.remove_instance(make_run().context, DATABASE)
    assert names(aws) == []
    make_database(aws, network)
    refused_first(aws, monkeypatch, "delete_db_instance", "InvalidParameterCombination", "other")
    with pytest.raises(aws.client("rds").exceptions.ClientError, match="other"):
        database.remove_instance(make_run().context, DATABASE)


def test_a_change_is_made_when_rds_is_ready_and_waited_for_until_nothing_is_pending(
    aws: Aws, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(status: str, **pending: str) -> dict[str, Any]:
        return {
            "DBInstanceIdentifier": "copy",
            "DBInstanceStatus": status,
            "PendingModifiedValues": pending,
        }

    answers = [
        told("configuring-enhanced-monitoring"),
        # Refused: RDS is not as far as it says.
        told("available"),
        told("available"),
        # From before the change.
        told("available"),
        told("modifying"),
        told("available", MasterUserPassword="****"),
        told("available"),
        told("available"),
    ]
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(database, "find_instance", lambda *_: answers.pop(0))
    monkeypatch.setattr(aws.client("rds"), "modify_db_instance", lambda **how: made.append(how))
    refused_first(aws, monkeypatch, "modify_db_instance", "InvalidDBInstanceState", "not yet")
    database.modify_when_ready(make_run().context, "copy", {"MaxAllocatedStorage": 100})
    assert answers == []
    assert made == [
        {"DBInstanceIdentifier": "copy", "ApplyImmediately": True, "MaxAllocatedStorage": 100}
    ]
    answers.append(told("failed"))
    with pytest.raises(OperationError, match="copy is failed"):
        database.modify_when_ready(make_run().context, "copy", {})


def test_the_tags_of_a_recovery_that_is_under_way_are_no_other_instances(
    aws: Aws, network: Network
) -> None:
    make_database(aws, network)
    model = describe(aws, DATABASE)
    tagged = [
        {"Key": key, "Value": DATABASE}
        for key in ("aws:any", "RecoveryOf", "RecoveryWish", recover.DRILL_OF, "Environment")
    ]
    made = database.restore_parameters({**model, "TagList": tagged}, {recover.POINT: "new"})
    assert {tag["Key"] for tag in made["Tags"]} == {"Environment", recover.POINT}


def test_small_gp3_storage_keeps_the_throughput_that_rds_gives_it(
    aws: Aws, network: Network
) -> None:
    make_database(aws, network)
    model = {**describe(aws, DATABASE), "Iops": 3000, "StorageThroughput": 125}
    assert {"Iops", "StorageThroughput"}.isdisjoint(database.restore_parameters(model, {}))
    large = database.restore_parameters({**model, "AllocatedStorage": 400}, {})
    assert (large["Iops"], large["StorageThroughput"]) == (3000, 125)


# -- going on ---------------------------------------------------------------------------------


class KilledError(BaseException):
    """A process that ends without a word."""


def test_a_recovery_that_was_killed_goes_on_with_its_own_point(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC)
    rds = aws.client("rds")
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="manual-backup-x")
    wish = Wish(snapshot="manual-backup-x")

    def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(recover, "_compare", killed)
        with pytest.raises(KilledError):
            recover.recover(make_run(yes=True).context, Options(wish, health_url=health.url))
    assert names(aws) == [DATABASE, RECOVERY]
    assert checked(aws, stack) == (True, True)
    with pytest.raises(OperationError, match="a recovery to snapshot manual-backup-x is under way"):
        recover.recover(make_run(yes=True).context, Options(Wish(at=at)))
    with monkeypatch.context() as patch:
        patch.setattr(recover, "verify_health", killed)
        with pytest.raises(KilledError):
            recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    with watched(aws, "rds") as calls:
        report = recover.recover(make_run(yes=True).context, Options(wish, health_url=health.url))
    assert not [name for name in calls.made if name.startswith(("Restore", "Modify"))]
    assert "snapshot manual-backup-x" in report["from"]
    assert report["damaged"] in names(aws)
    assert checked(aws, stack) == (False, False)


@pytest.mark.parametrize("gone", [False, True])
def test_a_recovery_that_was_killed_while_rds_renames_does_not_restore_again(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    stack: str,
    monkeypatch: pytest.MonkeyPatch,
    gone: bool,
) -> None:
    assert stack
    if gone:
        delete(aws)

    def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(recover, "_take_name", killed)
        with pytest.raises(KilledError):
            recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    restored, real = describe(aws, RECOVERY), service.require_service
    pending = {**restored, "PendingModifiedValues": {"DBInstanceIdentifier": DATABASE}}

    def meanwhile(*given: Any) -> Any:
        rename(aws, RECOVERY, DATABASE)
        return real(*given)

    with monkeypatch.context() as patch, watched(aws, "rds") as calls:
        answers = iter([[pending if gone else restored]])
        tagged = database.instances_tagged
        patch.setattr(recover, "instances_tagged", lambda *how: next(answers, None) or tagged(*how))
        patch.setattr(recover, "require_service", meanwhile)
        recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    assert not [name for name in calls.made if name.startswith("Restore")]
    assert describe(aws, DATABASE)["DbiResourceId"] == restored["DbiResourceId"]
    assert len(names(aws)) == (1 if gone else 2)


def test_two_recoveries_at_once_do_not_take_over_each_others_copy(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    network: Network,
    stack: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert stack
    rds, real = aws.client("rds"), service.require_service

    def meanwhile(*given: Any) -> Any:
        make_database(aws, network, "staging-recovery")
        return real(*given)

    options = Options(health_url=health.url)
    with monkeypatch.context() as patch:
        patch.setattr(recover, "require_service", meanwhile)
        with pytest.raises(StoppedError, match=f"another run has just made {RECOVERY}"):
            recover.recover(make_run(yes=True).context, options)
    assert names(aws) == [DATABASE, RECOVERY]
    for name in (DATABASE, RECOVERY):
        rds.add_tags_to_resource(
            ResourceName=describe(aws, name)["DBInstanceArn"],
            Tags=[{"Key": "RecoveryOf", "Value": DATABASE}],
        )
    with pytest.raises(OperationError, match=f"{DATABASE}, {RECOVERY} are all tagged"):
        recover.recover(make_run(yes=True).context, options)


def test_a_url_that_leads_elsewhere_stops_it_without_its_password(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    assert stack
    aws.client("ssm").put_parameter(
        Name="/aussie-markets/staging/database-url",
        Value="postgresql://u:s3cret@elsewhere:5432/d",
        Type="SecureString",
        Overwrite=True,
    )
    with pytest.raises(StoppedError, match="leads to elsewhere:5432") as stopped:
        recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    assert "s3cret" not in str(stopped.value)
    assert "staging-api.aussie-markets.com may answer with the status page" in str(stopped.value)


SERVICES: Final = ("rds", "route53", "ecs", "application-autoscaling", "ssm", "logs")

RESTORING: Final = (
    f"restore … UTC (point in time) to {RECOVERY}",
    f"wait for {RECOVERY}",
    f"give {RECOVERY} the settings that restoring leaves out, and the password of database-url",
    f"compare {RECOVERY} with the database",
)


def is_over(aws: Aws, damaged: str) -> bool:
    """Whether another instance than that has the database's name, and no recovery is under way."""
    rds = aws.client("rds", attempts=1)
    for one in rds.describe_db_instances()["DBInstances"]:
        if one["DBInstanceIdentifier"] == DATABASE:
            return one["DbiResourceId"] != damaged and "RecoveryOf" not in tags(one)
    return False


def test_recovering_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, audit_group: str
) -> None:
    assert audit_group
    before, run = describe(aws, DATABASE), make_run(yes=True)
    damaged = before["DbiResourceId"]
    reports: list[dict[str, Any]] = []

    def until_it_is_over() -> None:
        if not is_over(aws, damaged):
            options = Options(scale=2, health_url=health.url)
            reports.append(recover.recover(run.context, options))

    def stopped_well(stopped: StoppedError) -> None:
        assert f"run `recover --scale 2 --health {health.url} --yes` again" in stopped.go_on
        present = aws.client("rds").describe_db_instances()["DBInstances"]
        assert damaged in [one["DbiResourceId"] for one in present]
        if checked(aws, stack) == (True, True):
            assert "may answer with the status page" in stopped.go_on

    met = fails_at_every_call(
        [aws.client(name) for name in SERVICES], until_it_is_over, stopped_well
    )
    assert {call.step for call in met} == {
        *("", f"let {HOST} answer with the status page", *RESTORING),
        *(
            f"rename the damaged {DATABASE} to {DATABASE}-damaged-…",
            f"rename {RECOVERY} to {DATABASE}",
        ),
        *("see that database-url leads to the database", "let api have 2 to 3 tasks"),
        *("replace the tasks of api", "wait for the tasks of api"),
        f"let {HOST} answer by the API's health again",
        "end the recovery",
    }
    assert any("recover._afterwards" in call.by for call in met)
    after, (report,) = describe(aws, DATABASE), reports
    assert names(aws) == [DATABASE, report["damaged"]]
    assert describe(aws, report["damaged"])["DbiResourceId"] == damaged
    assert_over(aws, stack, before, after)
    (target,) = aws.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs"
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 3)
    # What is said at the end is said also where a part of it cannot be.
    assert "commands for that cannot be said here" in "\n".join(report["afterwards"])


def test_a_database_that_is_gone_is_recovered_from_a_snapshot_though_any_call_fails(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    stack: str,
    audit_group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert stack
    assert audit_group
    # The service is another test's, and takes longer than all the rest.
    for name in ("require_service", "redeploy", "wait_for_deployment"):
        monkeypatch.setattr(recover, name, lambda *_: None)
    before, name = describe(aws, DATABASE), "manual-backup-x"
    rds = aws.client("rds")
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier=name)
    delete(aws)
    context = make_run(yes=True).context
    options = Options(Wish(snapshot=name), health_url=health.url)

    def until_it_is_over() -> None:
        if not is_over(aws, before["DbiResourceId"]):
            recover.recover(context, options)

    def stopped_well(stopped: StoppedError) -> None:
        words = f"recover --snapshot {name} --health {health.url} --yes"
        assert f"run `{words}` again" in stopped.go_on
        assert retained(aws) >= {before["DbiResourceId"]}
        assert rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]

    met = fails_at_every_call(
        [aws.client(name) for name in ("rds", "route53", "logs")], until_it_is_over, stopped_well
    )
    assert {call.step for call in met} >= {
        *(f"restore … UTC (snapshot {name}) to {RECOVERY}", *RESTORING[1:]),
        f"rename {RECOVERY} to {DATABASE}",
    }
    assert names(aws) == [DATABASE]
    assert describe(aws, DATABASE)["DeletionProtection"]
    assert tags(describe(aws, DATABASE)) == tags(before)


def retained(aws: Aws) -> set[str]:
    """The resource ids of which there are automated backups."""
    found = aws.client("rds").describe_db_instance_automated_backups()
    return {one["DbiResourceId"] for one in found["DBInstanceAutomatedBackups"]}


def assert_over(aws: Aws, check: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The database is as it was, nothing of the recovery is left, and users reach the API."""
    assert database.unlike(before, after) == []
    assert (after["Endpoint"], tags(after)) == (before["Endpoint"], tags(before))
    assert checked(aws, check) == (False, False)


def recovery_changes(*renamed: str) -> list[str]:
    """Up to its end, with as many renamings."""
    restored = ("UpdateHealthCheck", "RestoreDBInstanceToPointInTime", "ModifyDBInstance")
    over = ("UpdateService", "UpdateHealthCheck", "RemoveTagsFromResource")
    return [*restored, *renamed, *over]


@pytest.fixture
def state_file(stack: str, state: PulumiState, tmp_path: Path) -> str:
    """The resources of the stack in Pulumi's state, for another process."""
    assert stack
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state.resources))
    return str(file)


def test_a_recovery_that_was_killed_after_any_change_goes_on_and_does_not_begin_anew(
    aws: Aws,
    health: Health,
    stack: str,
    state_file: str,
    audit_group: str,
    killed_after_each_change: KilledAfterEachChange,
) -> None:
    assert audit_group
    before = describe(aws, DATABASE)
    killed, refused = killed_after_each_change(
        "recover", health.url, state_file, before["DbiResourceId"]
    )
    # Who looks then finds it over, and is told what is left to do.
    assert killed == recovery_changes("ModifyDBInstance", "ModifyDBInstance")
    assert refused
    assert "if a recovery has made it, that is over, and `recover adopt` is left to do" in refused
    _, aside = names(aws)
    after = describe(aws, DATABASE)
    assert describe(aws, aside)["DbiResourceId"] == before["DbiResourceId"]
    assert aside.startswith(f"{DATABASE}-damaged-")
    assert_over(aws, stack, before, after)


def test_the_recovery_of_a_database_that_is_gone_goes_on_after_it_was_killed(
    aws: Aws,
    health: Health,
    stack: str,
    state_file: str,
    audit_group: str,
    killed_after_each_change: KilledAfterEachChange,
) -> None:
    assert audit_group
    before = describe(aws, DATABASE)
    delete(aws)
    killed, refused = killed_after_each_change("recover", health.url, state_file)
    assert killed == recovery_changes("ModifyDBInstance")
    assert refused
    assert "`recover adopt` is left to do" in refused
    after = describe(aws, DATABASE)
    assert names(aws) == [DATABASE]
    assert retained(aws) == {before["DbiResourceId"], after["DbiResourceId"]}
    assert_over(aws, stack, before, after)


# -- under maintenance ------------------------------------------------------------------------

OUT_OF_MAINTENANCE: Final = (
    "set maintenance-mode false",
    "let the load balancer forward requests again",
)


def is_maintained(aws: Aws, context: Context) -> bool:
    listener = find_listener(context, load_balancers(context, "api"))
    rules = aws.client("elbv2", attempts=1).describe_rules(ListenerArn=listener)["Rules"]
    return "1" in [rule["Priority"] for rule in rules]


def test_a_recovery_ends_the_maintenance_once_the_api_runs_and_asks_first(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    assert stack
    context = make_run(yes=True).context
    maintenance.set_maintenance(context, on=True)
    with pytest.raises(InputError, match="Maintenance ends once the API runs on it"):
        recover.recover(make_run().context, Options())
    report = recover.recover(context, Options(health_url=health.url))
    assert [one["step"] for one in report["steps"]][-5:] == [
        "wait for the tasks of api",
        *OUT_OF_MAINTENANCE,
        f"let {HOST} answer by the API's health again",
        "see that the API is healthy",
    ]
    assert not is_maintained(aws, context)


def test_a_load_balancer_that_is_damaged_too_keeps_no_database_from_its_recovery(
    aws: Aws, make_run: MakeRun, health: Health, stack: str
) -> None:
    assert stack
    context, elb = make_run(yes=True).context, aws.client("elbv2")
    listener = find_listener(context, load_balancers(context, "api"))
    elb.delete_listener(ListenerArn=listener)
    assert recover.recover(context, Options(health_url=health.url))["damaged"] in names(aws)


def test_a_database_that_is_being_migrated_is_not_recovered(
    aws: Aws, make_run: MakeRun, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recover, "running_tasks", lambda _, purpose: [f"arn:{purpose}"])
    with pytest.raises(OperationError, match=r"migration is running: .* --task arn:migration`"):
        recover.recover(make_run(yes=True).context, Options())
    assert names(aws) == [DATABASE]
    assert checked(aws, stack) == (False, False)


def test_a_recovery_under_maintenance_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, audit_group: str
) -> None:
    assert stack
    assert audit_group
    damaged, context = describe(aws, DATABASE)["DbiResourceId"], make_run(yes=True).context
    maintenance.set_maintenance(context, on=True)

    def until_it_is_over() -> None:
        if not is_over(aws, damaged):
            recover.recover(context, Options(health_url=health.url))

    def stopped_well(stopped: StoppedError) -> None:
        assert f"run `recover --health {health.url} --yes` again" in stopped.go_on

    # The other services are another test's.
    met = fails_at_every_call(
        [aws.client(name) for name in ("elbv2", "ssm")], until_it_is_over, stopped_well
    )
    assert {call.step for call in met} == {"", *OUT_OF_MAINTENANCE}
    assert not is_maintained(aws, context)


def test_a_recovery_under_maintenance_that_was_killed_after_any_change_goes_on(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    stack: str,
    state_file: str,
    killed_after_each_change: KilledAfterEachChange,
) -> None:
    context, before = make_run(yes=True).context, describe(aws, DATABASE)
    maintenance.set_maintenance(context, on=True)
    killed, refused = killed_after_each_change(
        "recover", health.url, state_file, before["DbiResourceId"]
    )
    assert killed[-5:] == [
        *("UpdateService", "PutParameter", "DeleteRule"),
        *("UpdateHealthCheck", "RemoveTagsFromResource"),
    ]
    assert refused
    assert not is_maintained(aws, context)
    assert checked(aws, stack) == (False, False)


# -- the drill --------------------------------------------------------------------------------


def test_a_drill_restores_a_copy_and_leaves_nothing_behind(
    aws: Aws, make_run: MakeRun, stack: str, audit_group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs, copies = aws.client("logs"), list[dict[str, Any]]()
    real = recover._compare

    def look(context: Context, model: Any, target: str) -> None:
        copies.append(describe(aws, target))
        logs.create_log_group(logGroupName=f"/aws/rds/instance/{target}/postgresql")
        real(context, model, target)

    monkeypatch.setattr(recover, "_compare", look)
    before = describe(aws, DATABASE)
    aws.client("rds").add_tags_to_resource(
        ResourceName=before["DBInstanceArn"], Tags=[{"Key": "Backup", "Value": "staging"}]
    )
    snapshots = aws.client("rds").describe_db_snapshots()["DBSnapshots"]
    report = recover.drill(make_run().context, LATEST)
    (copy,) = copies
    assert copy["DBInstanceIdentifier"].startswith(f"{DATABASE}-drill-2")
    assert "Backup" not in tags(copy)
    assert names(aws) == [DATABASE]
    assert describe(aws, DATABASE)["DbiResourceId"] == before["DbiResourceId"]
    assert aws.client("rds").describe_db_snapshots()["DBSnapshots"] == snapshots
    kept = aws.client("rds").describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    assert [one["DBInstanceIdentifier"] for one in kept] == [DATABASE]
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/rds")["logGroups"] == []
    assert checked(aws, stack) == (False, False)
    assert report["objectives"][0]["outcome"] == "met"
    assert report["objectives"][1]["outcome"] == "not part of this run"
    (line,) = audit_lines(audit_group)
    assert line["command"] == "recover --drill"


def test_a_drill_that_fails_deletes_its_copy_and_one_that_was_killed_the_next_time(
    aws: Aws, make_run: MakeRun, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack
    run = make_run()
    with monkeypatch.context() as patch:
        patch.setattr(recover, "unlike", lambda *_: ["MultiAZ"])
        with pytest.raises(StoppedError, match="differs from the database in MultiAZ"):
            recover.drill(run.context, LATEST)
    assert names(aws) == [DATABASE]
    assert "nothing is left of" in run.text

    def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(recover, "_compare", killed)
        with pytest.raises(KilledError):
            recover.drill(run.context, LATEST)
    (_, left) = names(aws)
    with pytest.raises(InputError, match=f"Delete {left}, which another drill has made"):
        recover.drill(make_run().context, LATEST)
    run = make_run(yes=True)
    recover.drill(run.context, LATEST)
    assert f"delete {left}" in run.text
    assert names(aws) == [DATABASE]


def test_a_drill_leaves_alone_what_another_one_may_still_need(
    aws: Aws, make_run: MakeRun, network: Network, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack
    monkeypatch.setattr(recover, "DRILL_RUNS", timedelta(hours=4))
    make_database(aws, network, "other")
    other, context = "aussie-markets-db-other", make_run(yes=True).context
    aws.client("rds").add_tags_to_resource(
        ResourceName=describe(aws, other)["DBInstanceArn"],
        Tags=[{"Key": recover.DRILL_OF, "Value": DATABASE}],
    )
    with pytest.raises(OperationError, match=rf"{other} was made 0 minutes ago .* add --again"):
        recover.drill(context, LATEST)
    assert names(aws) == [other, DATABASE]
    recover.drill(context, LATEST, again=True)
    assert names(aws) == [DATABASE]


def test_a_drill_works_for_a_database_that_is_gone(aws: Aws, make_run: MakeRun, stack: str) -> None:
    assert stack
    delete(aws)
    recover.drill(make_run().context, LATEST)
    assert names(aws) == []


def test_a_drill_stops_at_any_call_and_leaves_nothing_in_the_end(
    aws: Aws, make_run: MakeRun, stack: str, audit_group: str
) -> None:
    assert stack
    assert audit_group
    run, before = make_run(yes=True), describe(aws, DATABASE)["DbiResourceId"]

    def stopped_well(stopped: StoppedError) -> None:
        assert "run `recover --drill --again` again, which asks, and first" in stopped.go_on
        for left in names(aws):
            assert left == DATABASE or f"warning: {left} may be left" in run.text
        assert describe(aws, DATABASE)["DbiResourceId"] == before

    met = fails_at_every_call(
        [aws.client(name) for name in ("rds", "logs")],
        lambda: recover.drill(run.context, LATEST),
        stopped_well,
    )
    copy = f"{DATABASE}-drill-…"
    assert {call.step for call in met} == {
        *("", f"restore … UTC (point in time) to {copy}", f"wait for {copy}"),
        *(f"give {copy} the settings that restoring leaves out", f"delete {copy}"),
        f"compare {copy} with the database",
    }
    assert names(aws) == [DATABASE]
    assert retained(aws) == {before}


def test_a_drill_that_was_killed_after_any_change_leaves_nothing_in_the_end(
    aws: Aws,
    stack: str,
    state_file: str,
    audit_group: str,
    killed_after_each_change: KilledAfterEachChange,
) -> None:
    assert audit_group
    before = describe(aws, DATABASE)
    deletion = ("ModifyDBInstance", "DeleteDBInstance")
    # The copy that is left of a run is the next one's to delete, and at last its own.
    changes = ("RestoreDBInstanceToPointInTime", *deletion, "ModifyDBInstance", *deletion)
    killed = killed_after_each_change("recover --drill", state_file)
    assert killed == (list(changes), None)
    assert names(aws) == [DATABASE]
    assert describe(aws, DATABASE)["DbiResourceId"] == before["DbiResourceId"]
    assert retained(aws) == {before["DbiResourceId"]}
    assert checked(aws, stack) == (False, False)


# -- adoption ---------------------------------------------------------------------------------


def replace_database(aws: Aws, network: Network) -> str:
    delete(aws)
    make_database(aws, network)
    return str(describe(aws, DATABASE)["DbiResourceId"])


def test_the_state_gets_the_new_id_and_nothing_else_changes(
    aws: Aws, make_run: MakeRun, network: Network, stack: str, state: PulumiState, tmp_path: Any
) -> None:
    assert stack
    (before,) = state.resources
    new = replace_database(aws, network)
    with pytest.raises(InputError, match="add --yes"):
        adoption.adopt(make_run().context, tmp_path)
    adoption.adopt(make_run(dry_run=True).context, tmp_path)
    assert (state.resources, list(tmp_path.iterdir())) == ([before], [])
    adopted = adoption.adopt(make_run(yes=True).context, tmp_path)
    outputs = {**before["outputs"], "resourceId": new}
    assert state.resources == [{**before, "id": new, "outputs": outputs}]
    (copy,) = tmp_path.iterdir()
    assert str(copy) == adopted["copy"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert json.loads(copy.read_text())["deployment"]["resources"] == [before]
    refresh = ("refresh", "--yes", "--skip-preview", "--target", DATABASE_URN)
    assert state.calls[-2:] == [("stack", "import"), refresh]
    # A second run has only the reading left to do.
    again = adoption.adopt(make_run(yes=True).context, tmp_path)
    assert (again["copy"], len(list(tmp_path.iterdir()))) == (None, 1)
    assert state.calls[-1] == refresh


def test_an_adoption_says_how_the_other_instances_backups_are_replicated(
    aws: Aws,
    network: Network,
    stack: str,
    state: PulumiState,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert stack
    replace_database(aws, network)
    state.resources.append({"urn": "urn:replica", "type": adoption.REPLICATION, "inputs": {}})
    monkeypatch.setattr(cli, "Aws", lambda *_: aws)
    words = ["--stack", "staging", "--yes", "recover", "adopt", "--folder", str(tmp_path)]
    assert cli.main(words) == 0
    assert "pulumi up --stack staging --replace 'urn:replica'\n" in capsys.readouterr().err


def test_an_adoption_does_not_undo_what_else_was_written_into_the_state(
    aws: Aws,
    make_run: MakeRun,
    network: Network,
    stack: str,
    state: PulumiState,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert stack
    before, added = list(state.resources), {"urn": "urn:new", "type": "any", "inputs": {}}
    replace_database(aws, network)
    real = adoption._write

    def meanwhile(*given: Any) -> None:
        real(*given)
        state.resources.append(added)

    with monkeypatch.context() as patch:
        patch.setattr(adoption, "_write", meanwhile)
        with pytest.raises(StoppedError, match="the state was changed meanwhile"):
            adoption.adopt(make_run(yes=True).context, tmp_path)
    assert state.resources == [*before, added]
    adoption.adopt(make_run(yes=True).context, tmp_path)
    assert state.resources[0]["id"] == describe(aws, DATABASE)["DbiResourceId"]
    assert state.resources[1] == added


def test_an_adoption_of_what_the_next_update_would_replace_is_refused(
    aws: Aws, make_run: MakeRun, network: Network, stack: str, state: PulumiState
) -> None:
    assert stack
    context = make_run(yes=True).context
    replace_database(aws, network)
    (resource,) = state.resources
    good = dict(resource["outputs"])
    for name in ("kmsKeyId", "username"):
        resource["outputs"] = {**good, name: "another"}
        with pytest.raises(OperationError, match=f"differs from the state in {name}"):
            adoption.adopt(context)
    resource["outputs"] = good
    aws.client("rds").add_tags_to_resource(
        ResourceName=describe(aws, DATABASE)["DBInstanceArn"],
        Tags=[{"Key": "RecoveryOf", "Value": DATABASE}],
    )
    with pytest.raises(OperationError, match=r"the recovery of .* is not over"):
        adoption.adopt(context)
    state.resources = []
    with pytest.raises(OperationError, match="has 0 instances"):
        adoption.adopt(context)


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("failing", ["stack export", "stack import", "refresh --yes"])
def test_an_adoption_goes_on_after_pulumi_failed(
    aws: Aws,
    make_run: MakeRun,
    network: Network,
    stack: str,
    state: PulumiState,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    made: bool,
) -> None:
    assert stack
    (before,) = state.resources
    new, context = replace_database(aws, network), make_run(yes=True).context

    def pulumi(given_context: Context, *arguments: str, given: str | None = None) -> str:
        fails = " ".join(arguments[:2]) == failing
        said = "" if fails and not made else state.pulumi(given_context, *arguments, given=given)
        if fails:
            raise OperationError(f"`pulumi {failing}` failed: the backend is locked")
        return said

    with monkeypatch.context() as patch:
        patch.setattr(adoption, "pulumi", pulumi)
        with pytest.raises(OperationError, match="the backend is locked") as stopped:
            adoption.adopt(context, tmp_path)
    adopted = made or failing == "refresh --yes"
    if failing == "stack export":
        assert state.resources == [before]
    else:
        assert "run `recover adopt --yes` again" in str(stopped.value)
        assert "pulumi stack import --stack staging --file" in str(stopped.value)
        (copy,) = tmp_path.iterdir()
        assert json.loads(copy.read_text())["deployment"]["resources"] == [before]
        assert (state.resources == [before]) is not adopted
    adoption.adopt(context, tmp_path)
    outputs = {**before["outputs"], "resourceId": new}
    assert state.resources == [{**before, "id": new, "outputs": outputs}]
    assert state.calls[-1][0] == "refresh"


def test_an_adoption_stops_at_any_call_and_goes_on(
    aws: Aws,
    make_run: MakeRun,
    network: Network,
    stack: str,
    state: PulumiState,
    audit_group: str,
    tmp_path: Path,
) -> None:
    assert stack
    assert audit_group
    new, context = replace_database(aws, network), make_run(yes=True).context

    def stopped_well(stopped: StoppedError) -> None:
        assert "run `recover adopt --yes` again" in stopped.go_on

    met = fails_at_every_call(
        [aws.client(name) for name in ("rds", "logs")],
        lambda: adoption.adopt(context, tmp_path),
        stopped_well,
    )
    assert "DescribeDBInstances" in {call.operation for call in met}
    assert [one["id"] for one in state.resources] == [new]
    assert len(list(tmp_path.iterdir())) == 1


def test_an_adoption_without_a_copy_of_the_state_is_refused(
    aws: Aws, make_run: MakeRun, network: Network, stack: str, state: PulumiState, tmp_path: Path
) -> None:
    assert stack
    before = list(state.resources)
    replace_database(aws, network)
    with pytest.raises(StoppedError, match=r"cannot be written.*give another --folder"):
        adoption.adopt(make_run(yes=True).context, tmp_path / "none")
    assert state.resources == before


def test_the_failover_is_that_of_the_host_which_leads_to_the_load_balancer(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    route53 = aws.client("route53")
    for environment in ("staging", "production"):
        make_service(aws, network, environment)
    private = {
        "HostedZoneConfig": {"PrivateZone": True},
        "VPC": {"VPCRegion": REGION, "VPCId": network.vpc},
    }
    inside = route53.create_hosted_zone(Name="internal.org", CallerReference="i", **private)
    make_failover(aws, inside["HostedZone"]["Id"], "api.internal.org")
    zones = [
        route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
        for name in ("aussie-markets.com", "example.org")
    ]
    checks = [
        make_failover(aws, zones[0], "api.aussie-markets.com", "production"),
        make_failover(aws, zones[1], "api.example.org"),
    ]
    found = [
        failover.find_failover(context, load_balancers(context, "api"))
        for context in (make_run("production").context, make_run().context)
    ]
    assert found == [
        failover.Failover("api.aussie-markets.com", checks[0]),
        failover.Failover("api.example.org", checks[1]),
    ]
    assert failover.find_failover(make_run().context, []) is None
