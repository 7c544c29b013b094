"""Maintenance: users are turned away by the load balancer, and let in again."""

import json
from typing import Any

import pytest

from operations import maintenance
from operations.aws import Aws
from operations.errors import InputError, OperationError, StoppedError
from operations.parameters import read_parameter
from operations.platform import Platform
from tests.operations.conftest import MakeRun
from tests.operations.faults import fails_at_every_call
from tests.operations.stack import make_network, make_service, register_image


def rules(aws: Aws, listener: str) -> list[dict[str, Any]]:
    found = aws.client("elbv2").describe_rules(ListenerArn=listener)["Rules"]
    return [rule for rule in found if not rule["IsDefault"]]


def flag(make_run: MakeRun, environment: str = "staging") -> str | None:
    context = make_run(environment).context
    return read_parameter(context, Platform(environment).parameter("maintenance-mode"))


def test_users_are_turned_away_and_let_in_again(aws: Aws, make_run: MakeRun) -> None:
    listener = make_service(aws, make_network(aws))
    with pytest.raises(InputError, match="Turn every user away"):
        maintenance.set_maintenance(make_run().context, on=True)
    maintenance.set_maintenance(make_run(dry_run=True).context, on=True)
    assert rules(aws, listener) == []
    for _ in range(2):
        maintenance.set_maintenance(make_run(yes=True).context, on=True)
    (rule,) = rules(aws, listener)
    answer = rule["Actions"][0]["FixedResponseConfig"]
    assert rule["Conditions"][0]["PathPatternConfig"]["Values"] == ["/*"]
    assert (answer["StatusCode"], answer["ContentType"]) == ("503", "application/json")
    assert json.loads(answer["MessageBody"])["retryAfterSeconds"] == 300
    assert flag(make_run) == "true"
    for _ in range(2):
        maintenance.set_maintenance(make_run().context, on=False)
    assert rules(aws, listener) == []
    assert flag(make_run) == "false"


def test_maintenance_by_hand_does_not_begin_within_a_migrations_and_ends_it(
    aws: Aws, make_run: MakeRun
) -> None:
    listener, context = make_service(aws, make_network(aws)), make_run(yes=True).context
    of_migration = maintenance.maintenance_steps(context, listener, on=True, migration="m")
    for _ in range(2):
        for step in of_migration:
            step.action()
    with pytest.raises(StoppedError, match=r"is on already, of the migration m: .*maintenance off"):
        maintenance.set_maintenance(context, on=True)
    maintenance.set_maintenance(context, on=False)
    assert (rules(aws, listener), flag(make_run)) == ([], "false")


def test_a_service_that_nobody_reaches_has_no_maintenance(aws: Aws, make_run: MakeRun) -> None:
    platform, ecs = Platform("staging"), aws.client("ecs")
    with pytest.raises(OperationError, match="no service aussie-markets-api-staging"):
        maintenance.set_maintenance(make_run(yes=True).context, on=True)
    ecs.create_cluster(clusterName=platform.cluster)
    definition = register_image(aws, "staging", "a:1")
    ecs.create_service(
        cluster=platform.cluster,
        serviceName=platform.service(),
        taskDefinition=definition,
        desiredCount=1,
    )
    with pytest.raises(OperationError, match="has no load balancer"):
        maintenance.set_maintenance(make_run(yes=True).context, on=True)


@pytest.mark.parametrize(
    ("on", "word", "value", "count"), [(True, "on", "true", 1), (False, "off", "false", 0)]
)
def test_maintenance_stops_at_any_call_and_goes_on(
    aws: Aws, make_run: MakeRun, audit_group: str, on: bool, word: str, value: str, count: int
) -> None:
    assert audit_group
    listener, context = make_service(aws, make_network(aws)), make_run(yes=True).context
    maintenance.set_maintenance(context, on=not on)

    def stopped_well(stopped: StoppedError) -> None:
        assert f"run `maintenance {word} --yes` again" in stopped.go_on
        # Nobody is let in while the flag says otherwise.
        assert flag(make_run) == "false" or len(rules(aws, listener)) == 1

    clients = [aws.client(name) for name in ("elbv2", "ssm", "ecs", "logs")]
    met = fails_at_every_call(
        clients, lambda: maintenance.set_maintenance(context, on=on), stopped_well
    )
    steps = maintenance.maintenance_steps(context, listener, on=on)
    assert {call.step for call in met} == {"", *(step.title for step in steps)}
    assert (flag(make_run), len(rules(aws, listener))) == (value, count)
