"""The cluster's exact inputs, options and order."""

import pytest

from components.cluster import Cluster, ClusterArgs, Share, capacity_strategy
from components.naming import Names
from components.settings.cluster import CapacitySettings
from tests.unit.conftest import Deployment, deploy, settings_of

CLUSTER = "aussie-markets:cluster:Cluster"
ECS_CLUSTER = "aws:ecs/cluster:Cluster"
CAPACITY = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])


def cluster(stack: str = "staging", *, preview: bool = False, **values: object) -> Deployment:
    settings = settings_of(stack, {"cluster": values})

    def program() -> None:
        Cluster(
            "cluster",
            ClusterArgs(
                names=Names(settings.environment),
                settings=settings.cluster,
                log_key_arn="arn:log-key",
                session_key_arn="arn:session-key",
            ),
        )

    return deploy(program, stack, preview=preview)


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = cluster(stack, preview=preview)
    component = deployment.only(CLUSTER)
    children = [resource for resource in deployment.resources if resource is not component]
    assert sorted(child.type for child in children) == sorted(
        [ECS_CLUSTER, CAPACITY, LOG_GROUP, LOG_GROUP]
    )
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("cluster-")
        assert not child.protect
        assert not child.retain_on_delete
        assert child.delete_before_replace == (child.type == ECS_CLUSTER)
        assert child.ignore_changes == ()


@BOTH
def test_sessions_are_encrypted_and_logged(stack: str) -> None:
    deployment = cluster(stack)
    ecs = deployment.only(ECS_CLUSTER)
    assert ecs.inputs == {
        "name": f"aussie-markets-cluster-{stack}",
        "settings": [{"name": "containerInsights", "value": "enhanced"}],
        "configuration": {
            "executeCommandConfiguration": {
                "kmsKeyId": "arn:session-key",
                "logging": "OVERRIDE",
                "logConfiguration": {
                    "cloudWatchEncryptionEnabled": True,
                    "cloudWatchLogGroupName": f"/aussie-markets/{stack}/exec",
                },
            }
        },
    }


def test_insights_may_be_plain() -> None:
    inputs = cluster(enhanced_insights=False).only(ECS_CLUSTER).inputs
    assert inputs["settings"] == [{"name": "containerInsights", "value": "enabled"}]


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_log_groups_come_before_the_cluster(stack: str, days: int) -> None:
    deployment = cluster(stack)
    groups = deployment.of(LOG_GROUP)
    assert {name: group.inputs for name, group in groups.items()} == {
        f"cluster-{label}": {
            "name": name,
            "retentionInDays": days,
            "kmsKeyId": "arn:log-key",
        }
        for label, name in (
            ("insights", f"/aws/ecs/containerinsights/aussie-markets-cluster-{stack}/performance"),
            ("exec", f"/aussie-markets/{stack}/exec"),
        )
    }
    assert {group.urn for group in groups.values()} <= deployment.only(ECS_CLUSTER).depends_on


@pytest.mark.parametrize(
    ("stack", "strategy"),
    [
        (
            "staging",
            [
                {"capacityProvider": "FARGATE", "base": 1, "weight": 0},
                {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 1},
            ],
        ),
        ("production", [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}]),
    ],
)
def test_capacity(stack: str, strategy: list[dict[str, object]]) -> None:
    assert cluster(stack).only(CAPACITY).inputs == {
        "clusterName": f"aussie-markets-cluster-{stack}",
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategies": strategy,
    }


def test_spot_tasks_come_after_some_that_stay() -> None:
    capacity = CapacitySettings(base=2, fargate_weight=1, spot_weight=3)
    assert capacity_strategy(capacity) == [Share("FARGATE", 2, 1), Share("FARGATE_SPOT", 0, 3)]


def test_registered_outputs() -> None:
    deployment = cluster()
    assert deployment.outputs[deployment.only(CLUSTER).urn] == {
        "arn": "arn:aws:mock:::cluster/cluster-cluster-arn",
        "name": "aussie-markets-cluster-staging",
        "exec_log_group_name": "/aussie-markets/staging/exec",
        "exec_log_group_arn": "arn:aws:mock:::log-group/cluster-exec-arn",
    }
