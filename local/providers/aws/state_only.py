"""What the emulator does not have: kept in Pulumi's state only, and said so once a run.

Everything that is missing is in this one table. A line goes when the emulator gains what it names;
the rows of the resource types hold AWS's real operations already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.providers.aws.values import Properties

AWS_MANAGED: Final = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True)
class Gap:
    """What is missing of one resource type: all of it, or only `operations` and `properties`.

    Missing operations are not called; missing properties read back as they were given, and so do
    `parts`, which are inside another property (`rules.filter`). With `when`, only resources with
    such properties are concerned.
    """

    reason: str
    operations: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    when: Callable[[Properties], bool] | None = None

    def covers_all(self, properties: Properties) -> bool:
        if self.operations or self.properties or self.parts:
            return False
        return self.when is None or self.when(properties)

    def with_lost_parts(self, name: str, found: Any, given: Any) -> Any:
        """What the emulator says of property `name`, and the parts of it that it lost."""
        for part in self.parts:
            first, *rest = part.split(".")
            if first == name:
                found = _restored(found, given, rest)
        return found


def _aws_managed(properties: Properties) -> bool:
    return str(properties.get("policyArn", "")).startswith(AWS_MANAGED)


STATE_ONLY: Final[dict[str, Gap]] = {
    "aws:backup/globalSettings:GlobalSettings": Gap("moto has no settings of AWS Backup"),
    "aws:backup/regionSettings:RegionSettings": Gap("moto has no settings of AWS Backup"),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": Gap("moto has no restore testing"),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": Gap(
        "moto has no restore testing"
    ),
    "aws:backup/selection:Selection": Gap("moto has no selections of a backup plan"),
    "aws:backup/vaultNotifications:VaultNotifications": Gap(
        "moto has no notifications of a backup vault"
    ),
    "aws:backup/vaultPolicy:VaultPolicy": Gap("moto has no access policy of a backup vault"),
    "aws:accessanalyzer/analyzer:Analyzer": Gap("moto has no Access Analyzer"),
    "aws:acm/certificate:Certificate": Gap(
        "moto makes RSA_2048 keys only and does not change options",
        operations=frozenset({"update_certificate_options"}),
        properties=frozenset({"keyAlgorithm", "options"}),
    ),
    "aws:budgets/budget:Budget": Gap(
        "moto has no tags of budgets and does not say whom a notification reaches",
        operations=frozenset({"tag_resource", "untag_resource"}),
        properties=frozenset({"notifications", "tags"}),
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": Gap("moto has no cache policies"),
    "aws:cloudfront/function:Function": Gap(
        "moto neither changes nor publishes a function",
        operations=frozenset({"update_function"}),
        properties=frozenset({"code", "comment", "publish", "runtime"}),
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": Gap(
        "moto has no response headers policies"
    ),
    "aws:appautoscaling/target:Target": Gap(
        "moto has no tags of scalable targets",
        operations=frozenset({"tag_resource", "untag_resource"}),
        properties=frozenset({"tags"}),
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": Gap(
        "moto delivers no logs, and changes nothing of a delivery",
        operations=frozenset({"update_delivery_configuration"}),
        properties=frozenset({"fieldDelimiter", "recordFields"}),
    ),
    "aws:ecs/taskDefinition:TaskDefinition": Gap(
        "moto forgets these settings of a task definition",
        properties=frozenset({"enableFaultInjection"}),
    ),
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
    "aws:guardduty/detector:Detector": Gap(
        "moto does not change tags of a detector",
        operations=frozenset({"tag_resource", "untag_resource"}),
        properties=frozenset({"tags"}),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Gap(
        "moto has AWS's own policies only when it is started with them", when=_aws_managed
    ),
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": Gap(
        "moto replicates no automated backups"
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": Gap("moto has no composite alarms"),
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": Gap(
        "moto hands every log on by stream", properties=frozenset({"distribution"})
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Gap("moto has no query definitions"),
    "aws:sns/topic:Topic": Gap(
        "moto does not say how a topic signs and traces",
        properties=frozenset({"signatureVersion", "tracingConfig"}),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Gap(
        "moto has neither another smallest size nor a number of versions to keep",
        properties=frozenset({"transitionDefaultMinimumObjectSize"}),
        parts=frozenset({"rules.noncurrentVersionExpiration.newerNoncurrentVersions"}),
    ),
    "aws:s3/bucketLogging:BucketLogging": Gap(
        "moto loses the format of a log's key", properties=frozenset({"targetObjectKeyFormat"})
    ),
    "aws:s3/bucketNotification:BucketNotification": Gap(
        "moto does not say that a bucket's events go to EventBridge",
        properties=frozenset({"eventbridge"}),
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


def _restored(found: Any, given: Any, path: list[str]) -> Any:
    if isinstance(found, list) and isinstance(given, list) and len(found) == len(given):
        return [_restored(item, like, path) for item, like in zip(found, given, strict=True)]
    if not isinstance(given, Mapping) or path[0] not in given:
        return found
    if len(path) == 1:
        return {**found, path[0]: given[path[0]]} if isinstance(found, Mapping) else found
    if not isinstance(found, Mapping) or path[0] not in found:
        return found
    return {**found, path[0]: _restored(found[path[0]], given[path[0]], path[1:])}


def _part(value: Any, path: list[str]) -> bool:
    if isinstance(value, list):
        return any(_part(item, path) for item in value)
    if not path:
        return value is not None
    return isinstance(value, Mapping) and _part(value.get(path[0]), path[1:])


def said(token: str, properties: Properties) -> str | None:
    """The sentence for a run's log, if something of this resource is kept in state only."""
    gap = STATE_ONLY.get(token)
    if gap is None:
        return None
    if gap.operations or gap.properties or gap.parts:
        concerned = sorted(gap.properties & properties.keys())
        concerned += sorted(part for part in gap.parts if _part(properties, part.split(".")))
        if not concerned:
            return None
        what = f"{', '.join(concerned)} of {token}"
    elif gap.covers_all(properties):
        what = token
    else:
        return None
    return f"the local cloud keeps {what} in Pulumi's state only: {gap.reason}"
