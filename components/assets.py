"""The buckets of the static assets, in two regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.buckets import PrivateBucket, PrivateBucketArgs
from components.documents import service_trust
from components.keys import ServiceAccess
from components.roles import role_with_rights
from components.settings.assets import AssetsSettings

# S3 Replication Time Control: the only value. 99.99 % of objects are replicated within it.
REPLICATION_MINUTES: Final = 15
# Deployment documentation, "Recovery Time Objectives": the recovery point of static assets.
RECOVERY_POINT_SECONDS: Final = 3600

RULE: Final = "assets"


def cloudfront_access(account_id: pulumi.Input[str]) -> ServiceAccess:
    """Let CloudFront decrypt assets for this account's distributions.

    The key exists before the distribution does, so the bucket's policy says which of them reads.
    Actions and condition: CloudFront developer guide, "Restrict access to an Amazon S3 origin".
    """
    return ServiceAccess(
        sid="CloudFront",
        service="cloudfront.amazonaws.com",
        actions=("kms:Decrypt",),
        condition={
            "ArnLike": {
                "aws:SourceArn": pulumi.Output.concat(
                    "arn:aws:cloudfront::", account_id, ":distribution/*"
                )
            }
        },
    )


@dataclass(frozen=True)
class AssetBucket:
    """One of the two buckets as others need it; `domain_name` is its host in `region`."""

    bucket_name: pulumi.Input[str]
    arn: pulumi.Input[str]
    domain_name: pulumi.Input[str]
    region: str


@dataclass(frozen=True)
class AssetsArgs:
    """Inputs of `Assets`.

    `kms_key_arn` is in `region` and `replica_kms_key_arn` in that of the replica; the policies of
    both must admit CloudFront (`cloudfront_access`). `alarm_topic_arns` are in `region`.
    """

    settings: AssetsSettings
    region: str
    kms_key_arn: pulumi.Input[str]
    replica_kms_key_arn: pulumi.Input[str]
    alarm_topic_arns: Sequence[pulumi.Input[str]]


class Assets(pulumi.ComponentResource):
    """`aussie-markets:assets:Assets`: the static assets, and their replica in a second region.

    Who publishes assets writes to the first bucket alone. Nobody reads them but CloudFront: the
    policies of both buckets are those of `Edge`, which knows the distribution.

    - `aussie-markets:buckets:PrivateBucket` in each region, protected by one setting.
    - `aws.iam.Role` and `aws.iam.RolePolicy`: what S3 may read, decrypt and write for replication.
    - `aws.s3.BucketReplicationConfig`: everything, also deletions, encrypted by the replica's key,
      within fifteen minutes. Without the time control S3 promises no time at all.
    - `aws.cloudwatch.MetricAlarm`: replication that is late, and replication that failed.
    """

    primary: AssetBucket
    replica: AssetBucket

    def __init__(
        self, name: str, args: AssetsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:assets:Assets", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        replica_region = settings.replica_region_of(args.region)

        primary = PrivateBucket(
            f"{name}-primary",
            PrivateBucketArgs(
                kms_key_arn=args.kms_key_arn,
                old_version_days=settings.old_version_days,
                protect=settings.deletion_protection,
            ),
            child,
        )
        replica = PrivateBucket(
            f"{name}-replica",
            PrivateBucketArgs(
                kms_key_arn=args.replica_kms_key_arn,
                old_version_days=settings.old_version_days,
                protect=settings.deletion_protection,
                region=replica_region,
            ),
            child,
        )
        # S3's guide gives this role no condition: it says of no context key that S3 sends it.
        role, policy = role_with_rights(
            f"{name}-replication",
            "Lets S3 replicate the static assets",
            service_trust("s3.amazonaws.com"),
            [
                *_read_from(primary.arn, args.kms_key_arn, args.region),
                *_write_to(replica.arn, args.replica_kms_key_arn, replica_region),
            ],
            child,
        )
        aws.s3.BucketReplicationConfig(
            f"{name}-replication",
            bucket=primary.bucket_name,
            role=role.arn,
            rules=[_rule(replica.arn, args.replica_kms_key_arn)],
            # S3 refuses replication before both buckets keep versions, and fails on the first
            # object where the role may not do its work yet.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[primary, replica, policy]),
        )
        for label, metric, statistic, threshold, meaning in (
            (
                "late",
                "ReplicationLatency",
                "Maximum",
                RECOVERY_POINT_SECONDS,
                "Static assets wait for their replica longer than their recovery point allows",
            ),
            (
                "failed",
                "OperationsFailedReplication",
                "Sum",
                0,
                "Static assets were not replicated: see the role, both keys and both buckets",
            ),
        ):
            aws.cloudwatch.MetricAlarm(
                f"{name}-replication-{label}",
                alarm_description=meaning,
                namespace="AWS/S3",
                metric_name=metric,
                dimensions={
                    "SourceBucket": primary.bucket_name,
                    "DestinationBucket": replica.bucket_name,
                    "RuleId": pulumi.Output.from_input(RULE),
                },
                statistic=statistic,
                period=300,
                evaluation_periods=1,
                comparison_operator="GreaterThanThreshold",
                threshold=threshold,
                # S3 reports only while there is something to replicate.
                treat_missing_data="notBreaching",
                alarm_actions=args.alarm_topic_arns,
                ok_actions=args.alarm_topic_arns,
                opts=child,
            )

        self.primary = AssetBucket(
            primary.bucket_name, primary.arn, primary.domain_name, args.region
        )
        self.replica = AssetBucket(
            replica.bucket_name, replica.arn, replica.domain_name, replica_region
        )
        self.register_outputs(
            {"primary_bucket": primary.bucket_name, "replica_bucket": replica.bucket_name}
        )


def _read_from(
    bucket: pulumi.Output[str], key: pulumi.Input[str], region: str
) -> list[Mapping[str, Any]]:
    return [
        {
            "Effect": "Allow",
            "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            "Resource": bucket,
        },
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionTagging",
            ],
            "Resource": pulumi.Output.concat(bucket, "/*"),
        },
        _use_key("kms:Decrypt", key, bucket, region),
    ]


def _write_to(
    bucket: pulumi.Output[str], key: pulumi.Input[str], region: str
) -> list[Mapping[str, Any]]:
    return [
        {
            "Effect": "Allow",
            "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
            "Resource": pulumi.Output.concat(bucket, "/*"),
        },
        _use_key("kms:Encrypt", key, bucket, region),
    ]


def _use_key(
    action: str, key: pulumi.Input[str], bucket: pulumi.Output[str], region: str
) -> Mapping[str, Any]:
    """One use of a key through S3, for one bucket.

    The context is the bucket where the object was encrypted by a bucket key, else the object.
    S3 user guide, "Replicating encrypted objects".
    """
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": key,
        "Condition": {
            "StringLike": {
                "kms:ViaService": f"s3.{region}.amazonaws.com",
                "kms:EncryptionContext:aws:s3:arn": [bucket, pulumi.Output.concat(bucket, "/*")],
            }
        },
    }


def _rule(
    replica_arn: pulumi.Input[str], replica_key_arn: pulumi.Input[str]
) -> aws.s3.BucketReplicationConfigRuleArgs:
    minutes = REPLICATION_MINUTES
    return aws.s3.BucketReplicationConfigRuleArgs(
        id=RULE,
        status="Enabled",
        priority=1,
        filter=aws.s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
        # An asset that was withdrawn must not come back when the first bucket fails.
        delete_marker_replication=aws.s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(
            status="Enabled"
        ),
        # S3 passes encrypted objects over unless they are asked for.
        source_selection_criteria=aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
            sse_kms_encrypted_objects=(
                aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
                    status="Enabled"
                )
            )
        ),
        destination=aws.s3.BucketReplicationConfigRuleDestinationArgs(
            bucket=replica_arn,
            storage_class="STANDARD",
            encryption_configuration=(
                aws.s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                    replica_kms_key_id=replica_key_arn
                )
            ),
            replication_time=aws.s3.BucketReplicationConfigRuleDestinationReplicationTimeArgs(
                status="Enabled",
                time=aws.s3.BucketReplicationConfigRuleDestinationReplicationTimeTimeArgs(
                    minutes=minutes
                ),
            ),
            metrics=aws.s3.BucketReplicationConfigRuleDestinationMetricsArgs(
                status="Enabled",
                event_threshold=(
                    aws.s3.BucketReplicationConfigRuleDestinationMetricsEventThresholdArgs(
                        minutes=minutes
                    )
                ),
            ),
        ),
    )
