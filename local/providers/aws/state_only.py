"""What the emulator does not have: kept in Pulumi's state only, and said so once a run.

Everything that is missing is in this one table. A line goes when the emulator gains what it names;
the rows of the resource types hold AWS's real operations already.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from local.providers.aws.values import Properties

AWS_MANAGED: Final = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True)
class Gap:
    """What is missing of one resource type: all of it, or only `operations` and `properties`.

    Missing operations are not called; missing properties read back as they were given. With
    `when`, only resources with such properties are concerned.
    """

    reason: str
    operations: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    when: Callable[[Properties], bool] | None = None

    def covers_all(self, properties: Properties) -> bool:
        if self.operations or self.properties:
            return False
        return self.when is None or self.when(properties)


def _aws_managed(properties: Properties) -> bool:
    return str(properties.get("policyArn", "")).startswith(AWS_MANAGED)


STATE_ONLY: Final[dict[str, Gap]] = {
    "aws:elasticache/parameterGroup:ParameterGroup": Gap("moto has no cache parameter groups"),
    "aws:elasticache/subnetGroup:SubnetGroup": Gap(
        "moto neither changes nor deletes a cache subnet group",
        operations=frozenset({"modify_cache_subnet_group", "delete_cache_subnet_group"}),
        properties=frozenset({"description", "subnetIds"}),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": Gap(
        "moto forgets these settings of a replication group or never changes them, and makes no "
        "final snapshot",
        operations=frozenset({"increase_replica_count", "decrease_replica_count"}),
        properties=frozenset(
            {
                "autoMinorVersionUpgrade",
                "engineVersion",
                "finalSnapshotIdentifier",
                "logDeliveryConfigurations",
                "maintenanceWindow",
                "notificationTopicArn",
                "numCacheClusters",
                "parameterGroupName",
                "securityGroupIds",
                "snapshotWindow",
                "subnetGroupName",
                "transitEncryptionEnabled",
                "transitEncryptionMode",
            }
        ),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Gap(
        "moto has AWS's own policies only when it is started with them", when=_aws_managed
    ),
    "aws:rds/instance:Instance": Gap(
        "moto loses these settings of a database instance",
        properties=frozenset(
            {
                "databaseInsightsMode",
                "dedicatedLogVolume",
                "engineLifecycleSupport",
                "networkType",
                "performanceInsightsEnabled",
                "performanceInsightsKmsKeyId",
                "performanceInsightsRetentionPeriod",
            }
        ),
    ),
}


def said(token: str, properties: Properties) -> str | None:
    """The sentence for a run's log, if something of this resource is kept in state only."""
    gap = STATE_ONLY.get(token)
    if gap is None:
        return None
    if gap.operations or gap.properties:
        concerned = sorted(gap.properties & properties.keys())
        if not concerned:
            return None
        what = f"{', '.join(concerned)} of {token}"
    elif gap.covers_all(properties):
        what = token
    else:
        return None
    return f"the local cloud keeps {what} in Pulumi's state only: {gap.reason}"
