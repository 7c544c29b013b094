"""The procedure of migrations: its order, where it stops, and how it goes on."""

import http.client
import re
import shlex
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from operations import adoption, cli, maintenance, migrate, recover, service
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.migrate import Migration
from operations.steps import Context
from tests.health import Health
from tests.operations.conftest import MakeRun
from tests.operations.faults import fails_at_every_call
from tests.operations.killed import KilledAfterEachChange
from tests.operations.stack import (
    PulumiState,
    make_database,
    make_failover,
    make_network,
    make_service,
    push_image,
    put_database_url,
    watched,
)
from tests.operations.test_maintenance import flag, rules


@pytest.fixture
def listener(aws: Aws) -> str:
    """Both stacks; production's listener."""
    network = make_network(aws)
    make_database(aws, network, "production")
    make_service(aws, network, "staging")
    return make_service(aws, network, "production")


def contexts(make_run: MakeRun, **how: Any) -> tuple[Context, Context]:
    return make_run("production", **how).context, make_run("staging", **how).context


def migration(health: Health, **other: Any) -> Migration:
    return Migration(health_url=health.url, rehearsal_health_url=health.url, **other)


def snapshots(aws: Aws) -> list[str]:
    found = aws.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    return [one["DBSnapshotIdentifier"] for one in found]


def migrations(aws: Aws, environment: str) -> list[dict[str, Any]]:
    ecs, cluster = aws.client("ecs"), f"aussie-markets-cluster-{environment}"
    arns = ecs.list_tasks(cluster=cluster, startedBy="operations-migration")["taskArns"]
    return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []


def test_the_procedure_is_the_documented_one(
    aws: Aws, make_run: MakeRun, health: Health, listener: str
) -> None:
    aws.client("logs").create_log_group(logGroupName="/aussie-markets/production/audit")
    run = make_run("production", yes=True)
    name = migrate.migrate(run.context, make_run("staging").context, migration(health))
    done = [line for line in run.text.splitlines() if not line.startswith(("waiting", "task "))]
    assert done == [
        f"take snapshot {name}",
        f"wait for snapshot {name}",
        "migrate staging",
        "verify that staging is healthy",
        "agree that the maintenance begins now",
        "let the load balancer answer 503",
        "set maintenance-mode true",
        "migrate production",
        "set maintenance-mode false",
        "let the load balancer forward requests again",
        "verify that production is healthy",
    ]
    assert name.startswith("pre-migration-production-")
    assert snapshots(aws) == [name]
    for environment in ("staging", "production"):
        (task,) = migrations(aws, environment)
        assert task["launchType"] == "FARGATE"
        assert (
            task["taskDefinitionArn"]
            .split("/")[1]
            .startswith(f"aussie-markets-api-{environment}-migration:")
        )
    assert rules(aws, listener) == []
    assert flag(make_run, "production") == "false"


@pytest.mark.usefixtures("listener")
def test_the_task_is_the_services_with_the_migration_in_it(
    aws: Aws, make_run: MakeRun, health: Health
) -> None:
    image = push_image(aws, "v2")
    registered: list[dict[str, Any]] = []
    aws.client("ecs").meta.events.register_first(
        "before-parameter-build.ecs.RegisterTaskDefinition",
        lambda params, **_: registered.append(dict(params)),
    )
    migrate.run_migration(make_run("production").context, migration(health, image="v2"))
    (container,) = registered[0]["containerDefinitions"]
    assert container["image"] == image
    assert container["command"] == ["npm", "run", "migration:run"]
    assert container["readonlyRootFilesystem"]
    assert "healthCheck" not in container
    active = aws.client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    assert not [arn for arn in active if "-migration" in arn]


def ends_with_one(context: Context, task: str) -> Any:
    """Production's migration fails."""
    described = dict(service.describe_task(context, task))
    code = 1 if context.platform.environment == "production" else 0
    containers = [{**one, "exitCode": code} for one in described["containers"]]
    return {**described, "containers": containers}


def test_a_migration_that_fails_leaves_maintenance_on_and_says_the_way_back(
    aws: Aws, make_run: MakeRun, health: Health, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    production, staging = contexts(make_run, yes=True)
    real = service.describe_task
    monkeypatch.setattr(migrate, "describe_task", ends_with_one)
    with pytest.raises(StoppedError) as stopped:
        migrate.migrate(production, staging, migration(health))
    (name,) = snapshots(aws)
    text = str(stopped.value)
    assert "stopped at: migrate production" in text
    assert "the migration ended with 1" in text
    assert "not done: set maintenance-mode false" in text
    assert f"run `migrate --snapshot {name}` again" in text
    assert f"`recover --snapshot {name}`, which ends the maintenance" in text
    assert len(rules(aws, listener)) == 1
    assert flag(make_run, "production") == "true"
    with pytest.raises(OperationError, match="maintenance is on"):
        migrate.migrate(production, staging, migration(health))
    with pytest.raises(OperationError, match="goes on with --snapshot pre-migration-"):
        migrate.migrate(production, staging, migration(health))

    monkeypatch.setattr(migrate, "describe_task", real)
    assert migrate.migrate(production, staging, migration(health), name) == name
    assert snapshots(aws) == [name]
    assert rules(aws, listener) == []


def test_the_end_of_a_failed_migrations_log_is_shown_and_not_accounted_for(
    aws: Aws, make_run: MakeRun, health: Health, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listener
    run, task = make_run("production"), "arn:aws:ecs:x:1:task/c/42"
    logs, group = aws.client("logs"), "/aws/ecs/aussie-markets-api-production"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="api/api/42")
    logs.put_log_events(
        logGroupName=group,
        logStreamName="api/api/42",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "relation exists"}],
    )
    ended = {"lastStatus": "STOPPED", "containers": [{"exitCode": 0}, {"exitCode": 1}]}
    monkeypatch.setattr(migrate, "describe_task", lambda *_: ended)
    monkeypatch.setattr(migrate, "run_one_task", lambda *_: task)
    with pytest.raises(OperationError) as failed:
        migrate.run_migration(run.context, migration(health))
    # What it printed may hold anything, and why a step failed goes into the audit log.
    assert str(failed.value) == (
        f"the migration ended with 1; its log is the stream api/api/42 of {group}"
    )
    assert "    relation exists" in run.text


def test_a_rehearsal_that_fails_leaves_production_alone(
    aws: Aws, make_run: MakeRun, health: Health, listener: str
) -> None:
    health.failures = 1000
    production, staging = contexts(make_run, yes=True)
    with pytest.raises(StoppedError, match="stopped at: verify that staging is healthy"):
        migrate.migrate(production, staging, migration(health))
    assert health.asked == migrate.HEALTH_ATTEMPTS
    assert migrations(aws, "production") == []
    assert rules(aws, listener) == []


def test_health_is_asked_for_until_it_comes(make_run: MakeRun, health: Health) -> None:
    health.failures = 2
    migrate.verify_health(make_run().context, health.url)
    assert health.asked == 3
    with pytest.raises(OperationError, match="is not healthy after 30 attempts"):
        migrate.verify_health(make_run().context, "http://127.0.0.1:9/health")


def test_health_is_asked_of_the_host_that_leads_to_the_service(
    aws: Aws, make_run: MakeRun, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listener
    asked: list[str] = []
    monkeypatch.setattr(migrate, "verify_health", lambda _, url: asked.append(url))
    production, staging = contexts(make_run, yes=True)
    zone = aws.client("route53").create_hosted_zone(Name="example.org", CallerReference="z")
    make_failover(aws, zone["HostedZone"]["Id"], "api.example.org", "production")
    with pytest.raises(OperationError, match=r"service api of staging.*add --rehearsal-health"):
        migrate.migrate(production, staging, Migration())
    assert snapshots(aws) == []
    migrate.migrate(production, staging, Migration(rehearsal_health_url="http://other/health"))
    assert asked == ["http://other/health", "https://api.example.org/health"]


def test_the_migration_of_an_earlier_run_is_waited_for(
    make_run: MakeRun, health: Health, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listener
    order: list[str] = []
    running = [["arn:earlier"], ["arn:earlier"], []]

    def look(*_: Any) -> list[str]:
        order.append("looked")
        return running.pop(0)

    monkeypatch.setattr(migrate, "running_tasks", look)
    real = service.run_one_task

    def start(*arguments: Any) -> str:
        order.append("started")
        return real(*arguments)

    monkeypatch.setattr(migrate, "run_one_task", start)
    migrate.run_migration(make_run("production").context, migration(health))
    assert order == ["looked", "looked", "looked", "started"]


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"image": "latest"}, "must be a tag other than latest"),
        ({"command": ()}, "--command is empty"),
        ({"health_url": "file:///etc/passwd"}, "must begin with https"),
        ({"snapshot": "manual-backup-x"}, r"must be the pre-migration-"),
        ({"rehearsal": "production"}, "must be another stack than --stack"),
        ({"yes": False}, "add --yes"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    aws: Aws, make_run: MakeRun, how: dict[str, Any], problem: str
) -> None:
    context = make_run("production", yes=how.pop("yes", True)).context
    rehearsal = make_run(how.pop("rehearsal", "staging")).context
    snapshot = how.pop("snapshot", None)
    with (
        watched(aws, "rds", "ecs", "ecr", "elbv2", "ssm") as calls,
        pytest.raises(InputError, match=problem),
    ):
        migrate.migrate(context, rehearsal, Migration(**how), snapshot)
    assert calls.made == []


def test_a_dry_run_changes_nothing(
    aws: Aws, make_run: MakeRun, health: Health, listener: str
) -> None:
    production, staging = contexts(make_run, dry_run=True)
    migrate.migrate(production, staging, migration(health))
    assert (snapshots(aws), rules(aws, listener), health.asked) == ([], [], 0)


IN_PRODUCTION = (
    *("let the load balancer answer 503", "set maintenance-mode true", "migrate production"),
    *("set maintenance-mode false", "let the load balancer forward requests again"),
)


def test_the_procedure_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, health: Health, listener: str
) -> None:
    aws.client("logs").create_log_group(logGroupName="/aussie-markets/production/audit")
    production, staging = contexts(make_run, yes=True)
    push_image(aws, "v2")
    name = "pre-migration-production-1"
    seen: list[list[str]] = []

    def stopped_well(stopped: StoppedError) -> None:
        seen.append(snapshots(aws))
        assert f"run `migrate --snapshot {name}` again" in stopped.go_on
        if rules(aws, listener) or flag(make_run, "production") == "true":
            assert "maintenance stays on until `maintenance off`" in stopped.go_on

    clients = [aws.client(each) for each in ("rds", "ecs", "ecr", "elbv2", "ssm", "logs")]
    how = migration(health, image="v2")
    rehearsed = fails_at_every_call(
        clients,
        lambda: migrate.migrate(production, staging, how, name),
        stopped_well,
        spared=IN_PRODUCTION,
    )
    # The rehearsal is behind it: without one, each of these runs is half as long.
    steps = {call.step for call in rehearsed}
    done = fails_at_every_call(
        clients, lambda: migrate.migrate(production, None, how, name), stopped_well, spared=steps
    )
    assert steps >= {"", f"take snapshot {name}", f"wait for snapshot {name}", "migrate staging"}
    assert {call.step for call in done} >= set(IN_PRODUCTION)
    # Once it is there, it stays the one.
    assert sorted(seen) == seen
    assert snapshots(aws) == [name]
    assert rules(aws, listener) == []
    assert flag(make_run, "production") == "false"
    for environment in ("staging", "production"):
        assert {task["lastStatus"] for task in migrations(aws, environment)} == {"STOPPED"}


def test_the_procedure_goes_on_after_it_was_killed_after_any_change(
    aws: Aws,
    make_run: MakeRun,
    health: Health,
    listener: str,
    killed_after_each_change: KilledAfterEachChange,
) -> None:
    aws.client("logs").create_log_group(logGroupName="/aussie-markets/production/audit")
    name = "pre-migration-production-1"
    task = ("RegisterTaskDefinition", "RunTask", "DeregisterTaskDefinition")
    changes = ("CreateDBSnapshot", *task, "CreateRule", "PutParameter", *task)
    assert killed_after_each_change("migrate", name, health.url) == (
        [*changes, "PutParameter", "DeleteRule"],
        None,
    )
    assert snapshots(aws) == [name]
    assert rules(aws, listener) == []
    assert flag(make_run, "production") == "false"
    for environment in ("staging", "production"):
        assert {task["lastStatus"] for task in migrations(aws, environment)} == {"STOPPED"}


def test_the_way_back_that_a_failed_migration_names_leads_back(
    aws: Aws, make_run: MakeRun, health: Health, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_database_url(aws, "production")
    state = PulumiState()
    state.remember(aws, "production")
    monkeypatch.setattr(adoption, "pulumi", state.pulumi)
    monkeypatch.setattr(recover, "JUST_MADE", timedelta(0))
    monkeypatch.setattr(service.Phases, "_phase", lambda _: "")
    monkeypatch.setattr(migrate, "describe_task", ends_with_one)
    production, _ = contexts(make_run, yes=True)
    with pytest.raises(StoppedError) as stopped:
        migrate.migrate(production, None, migration(health))
    (name,) = snapshots(aws)
    said = re.search("`(recover [^`]*)`", str(stopped.value))
    assert said

    def answered(context: Context, url: str) -> None:
        assert rules(aws, listener) == [], "the load balancer answers in the API's place"
        migrate.verify_health(context, url)

    rds, restored = aws.client("rds"), list[str]()
    rds.meta.events.register_first(
        "before-parameter-build.rds.RestoreDBInstanceFromDBSnapshot",
        lambda params, **_: restored.append(params["DBSnapshotIdentifier"]),
    )
    monkeypatch.setattr(recover, "verify_health", answered)
    monkeypatch.setattr(cli, "Aws", lambda *_: aws)
    monkeypatch.setattr(cli, "Context", partial(Context, sleep=lambda _: None))
    words = [*shlex.split(said[1]), "--health", health.url]
    assert cli.main(["--stack", "production", "--yes", *words]) == 0
    assert restored == [name]
    assert rules(aws, listener) == []
    assert flag(make_run, "production") == "false"
    (database,) = rds.describe_db_instances(DBInstanceIdentifier="aussie-markets-db-production")[
        "DBInstances"
    ]
    assert not [tag for tag in database["TagList"] if tag["Key"].startswith("Recovery")]


def test_another_migration_neither_runs_nor_ends_the_maintenance_of_the_first(
    aws: Aws, make_run: MakeRun, health: Health, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    production, _ = contexts(make_run, yes=True)
    first, second = "pre-migration-production-1", "pre-migration-production-2"
    real = migrate.run_migration

    def meanwhile(context: Context, what: Migration) -> None:
        monkeypatch.setattr(migrate, "run_migration", real)
        with pytest.raises(StoppedError, match=f"is on already, of the migration {first}"):
            migrate.migrate(context, None, what, second)
        assert migrations(aws, "production") == []
        assert len(rules(aws, listener)) == 1
        assert flag(make_run, "production") == "true"
        real(context, what)

    monkeypatch.setattr(migrate, "run_migration", meanwhile)
    migrate.migrate(production, None, migration(health), first)
    assert rules(aws, listener) == []
    migrate.migrate(production, None, migration(health), second)
    assert len(migrations(aws, "production")) == 2


def test_a_migration_whose_maintenance_was_ended_by_hand_leaves_that_of_the_next(
    aws: Aws, make_run: MakeRun, health: Health, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    production, _ = contexts(make_run, yes=True)
    real = migrate.run_migration

    def ended(context: Context, what: Migration) -> None:
        maintenance.set_maintenance(context, on=False)
        maintenance.set_maintenance(context, on=True)
        real(context, what)

    monkeypatch.setattr(migrate, "run_migration", ended)
    with pytest.raises(StoppedError, match="is on already, begun by hand"):
        migrate.migrate(production, None, migration(health))
    assert len(rules(aws, listener)) == 1
    assert flag(make_run, "production") == "true"


def test_an_answer_that_is_no_http_is_not_healthy(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise http.client.BadStatusLine("no status")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(OperationError, match="not healthy after 30 attempts: no status"):
        migrate.verify_health(make_run().context, "http://127.0.0.1/health")
