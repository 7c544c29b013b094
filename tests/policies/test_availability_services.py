"""Services, target groups and functions in the availability pack."""

from typing import Any

import pytest

from policies.availability.functions import function_reserved_concurrency
from policies.availability.services import service_deployment_rollback, service_task_count
from policies.availability.target_groups import target_group_health_path
from tests.policies.cases import Case
from tests.policies.harness import STAGING, UNKNOWN, check

SERVICE = "aws:ecs/service:Service"
TARGET = "aws:appautoscaling/target:Target"
FUNCTION = "aws:lambda/function:Function"
TARGET_GROUPS = [
    f"aws:{module}/targetGroup:TargetGroup"
    for module in ("lb", "alb", "elasticloadbalancingv2", "applicationloadbalancing")
]
ON = {"enable": True, "rollback": True}
BLUE_GREEN = {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}

CASES = [
    Case(
        service_task_count,
        SERVICE,
        {"desiredCount": 2.0},
        [
            ({"desiredCount": 1.0}, "desiredCount is 1, wanted is 2 or more"),
            ({"desiredCount": None}, "desiredCount is not set, which means 0"),
            ({"desiredCount": 1.0, "schedulingStrategy": "REPLICA"}, "desiredCount is 1"),
        ],
        also_good=[
            {"desiredCount": 3.0},
            {"desiredCount": None, "schedulingStrategy": "DAEMON"},
        ],
        undecided=[{"desiredCount": UNKNOWN}, {"schedulingStrategy": UNKNOWN}],
        spared_in_staging=True,
    ),
    Case(
        service_task_count,
        TARGET,
        {"serviceNamespace": "ecs", "minCapacity": 2.0},
        [({"minCapacity": 1.0}, "minCapacity is 1, wanted is 2 or more")],
        also_good=[{"minCapacity": 1.0, "serviceNamespace": "dynamodb"}],
        spared_in_staging=True,
    ),
    Case(
        service_deployment_rollback,
        SERVICE,
        {"deploymentCircuitBreaker": ON},
        [
            ({"deploymentCircuitBreaker": None}, "is without rollback, wanted is enable and"),
            ({"deploymentCircuitBreaker": {"enable": True, "rollback": False}}, "rollback true."),
            ({"deploymentCircuitBreaker": {"enable": False, "rollback": True}}, "rollback true."),
            ({"deploymentCircuitBreaker": None, "alarms": ON}, "enable and rollback true."),
            (
                {
                    "deploymentCircuitBreaker": None,
                    "alarms": ON,
                    "deploymentConfiguration": {"strategy": "ROLLING"},
                },
                "enable and rollback true.",
            ),
            (
                {"deploymentCircuitBreaker": None, **BLUE_GREEN},
                "enable and rollback true, or those of alarms",
            ),
            (
                {
                    "deploymentCircuitBreaker": None,
                    "deploymentController": {"type": "ECS"},
                },
                "without rollback",
            ),
        ],
        also_good=[
            {"deploymentCircuitBreaker": None, "alarms": ON, **BLUE_GREEN},
            {
                "deploymentCircuitBreaker": None,
                "deploymentController": {"type": "CODE_DEPLOY"},
            },
        ],
        undecided=[
            {"deploymentCircuitBreaker": UNKNOWN},
            {"deploymentController": UNKNOWN},
            {"deploymentCircuitBreaker": None, "alarms": UNKNOWN, **BLUE_GREEN},
            {"deploymentCircuitBreaker": None, "deploymentConfiguration": UNKNOWN},
        ],
    ),
    *(
        Case(
            target_group_health_path,
            kind,
            {"protocol": "HTTP", "healthCheck": {"path": "/health"}},
            [
                ({"healthCheck": None}, "healthCheck.path is not set"),
                ({"healthCheck": {"enabled": True}}, "healthCheck.path is not set"),
                ({"protocol": "HTTPS", "healthCheck": {"path": ""}}, "healthCheck.path is not set"),
            ],
            also_good=[
                {"protocol": "TCP", "healthCheck": None},
                {"protocol": None, "targetType": "lambda", "healthCheck": None},
            ],
            undecided=[
                {"protocol": UNKNOWN},
                {"healthCheck": UNKNOWN},
                {"healthCheck": {"path": UNKNOWN}},
            ],
        )
        for kind in TARGET_GROUPS
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


@pytest.mark.parametrize(
    ("kind", "properties", "passes"),
    [
        (SERVICE, {"desiredCount": 3}, True),
        (SERVICE, {"desiredCount": 2}, False),
        (TARGET, {"serviceNamespace": "ecs", "minCapacity": 2}, False),
    ],
)
def test_the_number_of_tasks_can_be_configured(
    kind: str, properties: dict[str, Any], passes: bool
) -> None:
    outcome = check(service_task_count, kind, properties, config={"minimumTasks": 3.0})
    assert outcome.passed is passes


@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({}, False),
        ({"reservedConcurrentExecutions": -1.0}, False),
        ({"reservedConcurrentExecutions": 0.0}, False),
        ({"reservedConcurrentExecutions": 1.0}, True),
    ],
)
def test_reserved_concurrency_is_off_until_it_is_configured(
    properties: dict[str, Any], passes: bool
) -> None:
    assert check(function_reserved_concurrency, FUNCTION, properties).passed
    on: dict[str, Any] = {"exemptions": {}}
    outcome = check(function_reserved_concurrency, FUNCTION, properties, config=on)
    assert outcome.passed is passes
    staging = check(function_reserved_concurrency, FUNCTION, properties, stack=STAGING, config=on)
    assert staging.passed


def test_unknown_concurrency_is_left_for_the_update() -> None:
    given = {"reservedConcurrentExecutions": UNKNOWN}
    on: dict[str, Any] = {"exemptions": {}}
    outcome = check(function_reserved_concurrency, FUNCTION, given, config=on)
    assert not outcome.failed
    assert "reservedConcurrentExecutions" in outcome.advisory
