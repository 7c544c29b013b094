"""Caches in the availability pack."""

from typing import Any

import pytest

from policies.availability.caches import cache_failover, cache_final_snapshot, cache_nodes
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN, check

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"

CASES = [
    Case(
        cache_failover,
        GROUP,
        {"automaticFailoverEnabled": True, "multiAzEnabled": True},
        [
            ({"automaticFailoverEnabled": False}, "automaticFailoverEnabled is false"),
            ({"automaticFailoverEnabled": None}, "automaticFailoverEnabled is not set"),
            ({"multiAzEnabled": False}, "multiAzEnabled is false"),
            ({"multiAzEnabled": None}, "multiAzEnabled is not set"),
        ],
        spared_in_staging=True,
    ),
    Case(
        cache_nodes,
        GROUP,
        {"numCacheClusters": 2.0},
        [
            ({"numCacheClusters": 1.0}, "numCacheClusters is 1, wanted is 2 or more"),
            ({"numCacheClusters": None}, "numCacheClusters is not set, which means 1"),
            ({"replicasPerNodeGroup": 0.0}, "replicasPerNodeGroup is 0, wanted is 1 or more"),
            (
                {"nodeGroupConfigurations": [{"replicaCount": 1.0}, {"replicaCount": 0.0}]},
                "nodeGroupConfigurations[1].replicaCount is 0, wanted is 1 or more",
            ),
            ({"nodeGroupConfigurations": [{}]}, "nodeGroupConfigurations[0].replicaCount is 0"),
        ],
        also_good=[
            {"numCacheClusters": 3.0},
            {"numCacheClusters": None, "replicasPerNodeGroup": 1.0},
            {"numCacheClusters": None, "nodeGroupConfigurations": [{"replicaCount": 1.0}] * 2},
            {"nodeGroupConfigurations": []},
        ],
        undecided=[
            {"numCacheClusters": UNKNOWN},
            {"replicasPerNodeGroup": UNKNOWN},
            {"nodeGroupConfigurations": UNKNOWN},
            {"nodeGroupConfigurations": [{"replicaCount": UNKNOWN}]},
        ],
        spared_in_staging=True,
    ),
    Case(
        cache_final_snapshot,
        GROUP,
        {"finalSnapshotIdentifier": "last-1"},
        [
            ({"finalSnapshotIdentifier": None}, "finalSnapshotIdentifier is not set"),
            ({"finalSnapshotIdentifier": ""}, "finalSnapshotIdentifier is not set"),
        ],
        spared_in_staging=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def test_an_unknown_value_hides_no_other() -> None:
    outcome = check(cache_failover, GROUP, {"automaticFailoverEnabled": UNKNOWN})
    assert outcome.failed == ["it"]
    assert "automaticFailoverEnabled" in outcome.advisory
    shards = {"nodeGroupConfigurations": [{"replicaCount": UNKNOWN}, {"replicaCount": 0}]}
    outcome = check(cache_nodes, GROUP, shards)
    assert outcome.failed == ["it"]
    assert "replicaCount" in outcome.advisory


@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({"numCacheClusters": 3}, True),
        ({"numCacheClusters": 2}, False),
        ({"replicasPerNodeGroup": 2}, True),
        ({"replicasPerNodeGroup": 1}, False),
    ],
)
def test_the_number_of_nodes_can_be_configured(properties: dict[str, Any], passes: bool) -> None:
    outcome = check(cache_nodes, GROUP, properties, config={"minimumNodes": 3.0})
    assert outcome.passed is passes
    assert passes or f" is {next(iter(properties.values()))}, wanted is " in outcome.messages
