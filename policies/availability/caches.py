"""Caches through the loss of a zone, and through a mistake."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Scope, Setting

_GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"


@Rule(
    name="cache-failover",
    description=(
        "Production's caches fail over to a node in another availability zone by themselves:"
        " otherwise everybody is signed out until somebody repairs them."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "ElastiCache.3"),
        Reference(Framework.CHECKOV, "CKV2_AWS_50"),
    ),
    remediation=(
        "Set automaticFailoverEnabled and multiAzEnabled to true; both need a second node."
    ),
).for_each(_GROUP)
def cache_failover(cache: Checked) -> None:
    cache.must_be_true("automaticFailoverEnabled")
    cache.must_be_true("multiAzEnabled")


@Rule(
    name="cache-nodes",
    description="Production's caches have a second node in each shard, to fail over to.",
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    settings=(
        Setting(
            "minimumNodes",
            "Fewest nodes of a shard that pass",
            2,
            # ElastiCache, CreateReplicationGroup: a primary and at most five replicas.
            {"type": "integer", "minimum": 1, "maximum": 6},
        ),
    ),
    remediation="Raise numCacheClusters, or replicasPerNodeGroup where there are several shards.",
).for_each(_GROUP)
def cache_nodes(cache: Checked) -> None:
    minimum = cache.setting("minimumNodes")
    if shards := cache.get("nodeGroupConfigurations"):
        for index in range(len(shards)):
            with cache.unknowns_noted():
                path = f"nodeGroupConfigurations[{index}].replicaCount"
                _check_replicas(cache, path, shards[index].get("replicaCount"), minimum)
    elif (replicas := cache.get("replicasPerNodeGroup")) is not None:
        _check_replicas(cache, "replicasPerNodeGroup", replicas, minimum)
    else:
        cache.must_reach("numCacheClusters", minimum, unset=1)


def _check_replicas(cache: Checked, path: str, replicas: float | None, minimum: float) -> None:
    """A shard has its primary node beside the replicas."""
    if (replicas or 0) + 1 < minimum:
        cache.fails(path, seen=f"{replicas or 0:g}", wanted=f"{minimum - 1:g} or more")


@Rule(
    name="cache-final-snapshot",
    description=(
        "Production's caches leave a final snapshot when they are deleted: sessions and counters"
        " are nowhere else."
    ),
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    remediation="Set finalSnapshotIdentifier to a name that no snapshot has yet.",
).for_each(_GROUP)
def cache_final_snapshot(cache: Checked) -> None:
    if not cache.get("finalSnapshotIdentifier"):
        cache.fails("finalSnapshotIdentifier", seen="not set", wanted="a name")
