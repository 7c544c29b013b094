"""What the packs agree on about databases."""

from typing import Final

from pulumi_policy.proxy import UnknownValueError

from .rule import Checked

INSTANCE: Final = "aws:rds/instance:Instance"
CLUSTER: Final = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE: Final = "aws:rds/clusterInstance:ClusterInstance"


def is_replica(database: Checked) -> bool:
    """Whether it copies another database, and so holds nothing of its own."""
    return bool(database.get("replicateSourceDb") or database.get("replicationSourceIdentifier"))


def parameter_of(group: Checked, name: str) -> str | None:
    """The value that a parameter group gives, or None where it leaves AWS's own."""
    parameters = group.get("parameters") or ()
    undecided: UnknownValueError | None = None
    for index in range(len(parameters)):
        try:
            if parameters[index]["name"] == name:
                return str(parameters[index]["value"])
        except UnknownValueError as unknown:
            undecided = unknown
    if undecided:
        raise undecided
    return None
