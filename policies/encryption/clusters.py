"""Debug sessions of clusters, at rest and on the wire."""

from collections.abc import Mapping
from typing import Any, Final

from pulumi_policy import Severity

from .customer_keys import check_customer_key
from .rule import Checked, Framework, Reference, Rule, Scope

_SESSIONS: Final = "configuration.executeCommandConfiguration"
_DESTINATIONS: Final = (
    ("cloudWatchLogGroupName", "cloudWatchEncryptionEnabled"),
    ("s3BucketName", "s3BucketEncryptionEnabled"),
)


@Rule(
    name="cluster-sessions-encrypted",
    description=(
        "Debug sessions in production's clusters are encrypted with a key of our own, and so is"
        " their record: people type secrets into them."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_224"),),
    remediation=(
        "Set kmsKeyId in the executeCommandConfiguration, and in its logConfiguration the flag of"
        " encryption beside each destination."
    ),
).for_each("aws:ecs/cluster:Cluster")
def cluster_sessions_encrypted(cluster: Checked) -> None:
    sessions = _member(_member(cluster.properties, "configuration"), "executeCommandConfiguration")
    with cluster.unknowns_noted():
        check_customer_key(cluster, f"{_SESSIONS}.kmsKeyId", sessions.get("kmsKeyId"))
    record = _member(sessions, "logConfiguration")
    for destination, flag in _DESTINATIONS:
        with cluster.unknowns_noted():
            if record.get(destination) and record.get(flag) is not True:
                cluster.fails(
                    f"{_SESSIONS}.logConfiguration.{flag}", seen="not true", wanted="true"
                )


def _member(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = values.get(name)
    return {} if found is None else found
