"""Disaster recovery: the point, the way to it, where it stops, and how it goes on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest

from operations import adoption, cli, database, failover, recover, service
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.objectives import Stopwatch
from operations.platform import Platform
from operations.recover import Options
from operations.recovery_points import LATEST, Wish, choose_point, make_wish
from operations.steps import Context
from tests.health import Health
from tests.operations.conftest import MakeRun, audit_lines
from tests.operations.stack import (
    Network,
    fails_and_goes_on,
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
URN: Final = "urn:pulumi:staging::aussie-markets::aws:rds/instance:Instance::database"

Stack = dict[str, Any]


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


@pytest.fixture(autouse=True)
def state(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Pulumi's state, whose resources are as RDS had them when it was last asked for."""
    present: Stack = {"resources": []}

    def pulumi(_: Context, *arguments: str, given: str | None = None) -> str:
        present.setdefault("calls", []).append(arguments)
        if arguments == ("stack", "export"):
            return json.dumps({"version": 3, "deployment": {"resources": present["resources"]}})
        if arguments == ("stack", "import"):
            present["resources"] = json.loads(given or "")["deployment"]["resources"]
        return ""

    monkeypatch.setattr(adoption, "pulumi", pulumi)
    assert aws
    return present


def remember(state: Stack, aws: Aws, environment: str = "staging") -> None:
    instance = describe(aws, Platform(environment).database)
    outputs = {
        known: instance[name] for name, known in adoption._DESCRIBED.items() if name in instance
    }
    outputs |= {
        "resourceId": instance["DbiResourceId"],
        "dbSubnetGroupName": instance["DBSubnetGroup"]["DBSubnetGroupName"],
        "parameterGroupName": instance["DBParameterGroups"][0]["DBParameterGroupName"],
        "vpcSecurityGroupIds": [g["VpcSecurityGroupId"] for g in instance["VpcSecurityGroups"]],
        "tagsAll": {tag["Key"]: tag["Value"] for tag in instance["TagList"]},
    }
    inputs = {"identifier": instance["DBInstanceIdentifier"], "skipFinalSnapshot": False}
    state["resources"].append(
        {
            "urn": URN,
            "type": adoption.INSTANCE,
            "id": instance["DbiResourceId"],
            "inputs": inputs,
            "outputs": outputs,
            "protect": True,
        }
    )


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
    return make_failover(aws, zone, host) if zone else ""


@pytest.fixture
def stack(aws: Aws, network: Network, zone: str, state: Stack) -> str:
    check = make_stack(aws, network, zone)
    remember(state, aws)
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
    aws: Aws, make_run: MakeRun, health: Health, network: Network, state: Stack
) -> None:
    make_stack(aws, network, None)
    remember(state, aws)
    run = make_run(yes=True)
    recover.recover(run.context, Options(health_url=health.url))
    assert f"{HOST} has no failover record" in run.text
    assert len(names(aws)) == 2


def test_what_is_left_to_do_is_said(
    aws: Aws, make_run: MakeRun, health: Health, stack: str, state: Stack
) -> None:
    assert stack
    old = describe(aws, DATABASE)["DbiResourceId"]
    replication = {"urn": "urn:replica", "type": adoption.REPLICATION, "inputs": {}}
    state["resources"].append(replication)
    report = recover.recover(make_run(yes=True).context, Options(health_url=health.url))
    new = describe(aws, DATABASE)["DbiResourceId"]
    text = "\n".join(report["afterwards"])
    assert "python -m operations --stack staging recover adopt" in text
    assert f"sed 's/{old}/{new}/g' before-adoption.json > adopted.json" in text
    assert f"pulumi refresh --yes --skip-preview --target '{URN}' --stack staging" in text
    assert "pulumi up --stack staging --replace 'urn:replica'" in text
    assert f"delete {report['damaged']}" in text


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
    with pytest.raises(OperationError, match="run `parameters restore` first"):
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


def backups(resource_id: str, latest: datetime, status: str = "active") -> dict[str, Any]:
    window = {"EarliestTime": NOW - timedelta(days=7), "LatestTime": latest}
    return {"DbiResourceId": resource_id, "Status": status, "RestoreWindow": window}


def snapshot(name: str, hours: float, status: str = "available") -> dict[str, Any]:
    return {
        "DBSnapshotIdentifier": name,
        "DBInstanceIdentifier": DATABASE,
        "SnapshotCreateTime": NOW - timedelta(hours=hours),
        "Status": status,
    }


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
    ],
)
def test_the_newest_point_before_the_wished_time_is_chosen(
    aws: Aws,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    automated: list[dict[str, Any]],
    snapshots: list[dict[str, Any]],
    wanted: datetime | int,
    expected: str,
) -> None:
    only_backups(monkeypatch, aws, automated, snapshots)
    at = wanted if isinstance(wanted, datetime) else NOW - timedelta(hours=wanted)
    point = choose_point(make_run().context, Wish(at=at))
    assert (point.snapshot or point.resource_id) == expected
    assert point.time <= at


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


def test_recovering_stops_at_any_change_and_goes_on(
    aws: Aws, make_run: MakeRun, health: Health, network: Network, zone: str, state: Stack
) -> None:
    checks: dict[int, str] = {}

    def attempt(number: int) -> Any:
        checks[number] = make_stack(aws, network, zone, f"s{number}")
        remember(state, aws, f"s{number}")
        context = make_run(f"s{number}", yes=True).context
        return lambda: recover.recover(context, Options(health_url=health.url))

    def finished(number: int) -> None:
        name = Platform(f"s{number}").database
        own = [one for one in names(aws) if one == name or one.startswith(f"{name}-")]
        assert len(own) == 2
        assert own[1].startswith(f"{name}-damaged-")
        assert tags(describe(aws, name)) == {"Environment": f"s{number}"}
        assert checked(aws, checks[number]) == (False, False)

    services = ("rds", "route53", "ecs", "application-autoscaling")
    fails_and_goes_on(aws, services, attempt, finished, changes_only=True)


def test_a_database_that_is_gone_is_recovered_though_any_call_of_rds_fails(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    network: Network,
    state: Stack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The service is another test's, and takes longer to make than all the rest.
    for name in ("require_service", "redeploy", "wait_for_deployment"):
        monkeypatch.setattr(recover, name, lambda *_: None)

    def attempt(number: int) -> Any:
        make_database(aws, network, f"s{number}")
        put_database_url(aws, f"s{number}")
        remember(state, aws, f"s{number}")
        delete(aws, Platform(f"s{number}").database)
        context = make_run(f"s{number}", yes=True).context
        return lambda: recover.recover(context, Options(health_url=health.url))

    def finished(number: int) -> None:
        name = Platform(f"s{number}").database
        own = [one for one in names(aws) if one == name or one.startswith(f"{name}-")]
        assert own == [name]
        assert describe(aws, name)["DeletionProtection"]

    fails_and_goes_on(aws, ("rds",), attempt, finished, reads=False)


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
    run = make_run()
    recover.drill(run.context, LATEST)
    assert f"delete {left}" in run.text
    assert names(aws) == [DATABASE]


def test_a_drill_works_for_a_database_that_is_gone(aws: Aws, make_run: MakeRun, stack: str) -> None:
    assert stack
    delete(aws)
    recover.drill(make_run().context, LATEST)
    assert names(aws) == []


def test_a_drill_stops_at_any_call_and_leaves_nothing_in_the_end(
    aws: Aws, make_run: MakeRun, network: Network
) -> None:
    def attempt(number: int) -> Any:
        make_database(aws, network, f"s{number}")
        context = make_run(f"s{number}").context
        return lambda: recover.drill(context, LATEST)

    def finished(number: int) -> None:
        name = Platform(f"s{number}").database
        assert [one for one in names(aws) if one.startswith(name)] == [name]

    fails_and_goes_on(aws, ("rds",), attempt, finished, reads=False)


# -- adoption ---------------------------------------------------------------------------------


def replace_database(aws: Aws, network: Network) -> str:
    delete(aws)
    make_database(aws, network)
    return str(describe(aws, DATABASE)["DbiResourceId"])


def test_the_state_gets_the_new_id_and_nothing_else_changes(
    aws: Aws, make_run: MakeRun, network: Network, stack: str, state: Stack, tmp_path: Any
) -> None:
    assert stack
    (before,) = state["resources"]
    new = replace_database(aws, network)
    with pytest.raises(InputError, match="add --yes"):
        adoption.adopt(make_run().context, tmp_path)
    adoption.adopt(make_run(dry_run=True).context, tmp_path)
    assert (state["resources"], list(tmp_path.iterdir())) == ([before], [])
    adopted = adoption.adopt(make_run(yes=True).context, tmp_path)
    outputs = {**before["outputs"], "resourceId": new}
    assert state["resources"] == [{**before, "id": new, "outputs": outputs}]
    (copy,) = tmp_path.iterdir()
    assert str(copy) == adopted["copy"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert json.loads(copy.read_text())["deployment"]["resources"] == [before]
    refresh = ("refresh", "--yes", "--skip-preview", "--target", URN)
    assert state["calls"][-2:] == [("stack", "import"), refresh]
    # A second run has only the reading left to do.
    again = adoption.adopt(make_run(yes=True).context, tmp_path)
    assert (again["copy"], len(list(tmp_path.iterdir()))) == (None, 1)
    assert state["calls"][-1] == refresh


def test_an_adoption_of_what_the_next_update_would_replace_is_refused(
    aws: Aws, make_run: MakeRun, network: Network, stack: str, state: Stack
) -> None:
    assert stack
    context = make_run(yes=True).context
    replace_database(aws, network)
    (resource,) = state["resources"]
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
    state["resources"] = []
    with pytest.raises(OperationError, match="has 0 instances"):
        adoption.adopt(context)


def test_only_a_public_zone_of_the_host_has_its_failover(
    aws: Aws, make_run: MakeRun, zone: str
) -> None:
    context = make_run().context
    assert failover.find_failover(context, HOST) is None
    check = make_failover(aws, zone, HOST)
    found = failover.find_failover(context, HOST)
    assert found == failover.Failover(HOST, check)
    assert failover.find_failover(context, f"x{HOST}") is None
    assert failover.find_failover(context, "staging-api.another.com") is None
