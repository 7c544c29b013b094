"""What watches over an account: its record of calls, GuardDuty, and defaults that are safe."""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.buckets import (
    PrivateBucket,
    PrivateBucketArgs,
    bucket_policy,
    lock_versions,
    record_readers,
)
from components.documents import service_trust
from components.keys import ServiceAccess
from components.naming import PROJECT, Names
from components.roles import role_with_rights
from components.settings.account import DetectionSettings, Feature, TrailSettings

# How long an overwritten or deleted record can be brought back once the lock has ended.
OLD_VERSION_DAYS: Final = 90

# As long as the trail's log group by default: it says who read the record, and is none itself.
ACCESS_LOG_DAYS: Final = 365


@dataclass(frozen=True)
class GuardArgs:
    """Inputs of `Guard`.

    `log_key_arn` encrypts the record: its policy must admit `cloudtrail_access` and CloudWatch
    Logs for `names.log_group`. `protect` keeps the record from `pulumi destroy`.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    trail: TrailSettings
    detection: DetectionSettings
    log_key_arn: pulumi.Input[str]
    protect: bool


def trail_arn(region: str, account_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """The trail, before it exists: bucket and key admit it by this."""
    return pulumi.Output.concat(f"arn:aws:cloudtrail:{region}:", account_id, f":trail/{PROJECT}")


def cloudtrail_access(
    region: str, account_id: pulumi.Input[str]
) -> tuple[ServiceAccess, ServiceAccess]:
    """Let our trail encrypt.

    CloudTrail user guide, "Configure AWS KMS key policies for CloudTrail".
    """
    only_ours = {"aws:SourceArn": trail_arn(region, account_id)}
    return (
        ServiceAccess(
            sid="CloudTrailEncrypt",
            service="cloudtrail.amazonaws.com",
            actions=("kms:GenerateDataKey*",),
            condition={
                "StringEquals": only_ours,
                "StringLike": {
                    "kms:EncryptionContext:aws:cloudtrail:arn": pulumi.Output.concat(
                        "arn:aws:cloudtrail:*:", account_id, ":trail/*"
                    )
                },
            },
        ),
        ServiceAccess(
            sid="CloudTrailDescribe",
            service="cloudtrail.amazonaws.com",
            actions=("kms:DescribeKey",),
            condition={"StringEquals": only_ours},
        ),
    )


class Guard(pulumi.ComponentResource):
    """`aussie-markets:guard:Guard`: who did what in the account, and what is wrong in it.

    - `aws.cloudtrail.Trail`: every call in every region, with digests that show tampering.
    - `PrivateBucket` for it, which `aws.s3.BucketObjectLockConfiguration` locks by setting;
      `aws.s3.BucketLogging` records its readers in a second `PrivateBucket`. A
      `aws.s3.BucketPolicy` for each.
    - `aws.cloudwatch.LogGroup`, `aws.iam.Role`, `aws.iam.RolePolicy`: the same events, to search
      them and to raise alarms.
    - `aws.guardduty.Detector` and `aws.guardduty.DetectorFeature` for each protection plan.
    - `aws.accessanalyzer.Analyzer`: what others can reach from outside the account.
    - `aws.s3.AccountPublicAccessBlock`: no bucket of the account becomes public.
    - `aws.ebs.EncryptionByDefault`: no volume is made in clear.
    """

    trail_arn: pulumi.Output[str]
    trail_bucket_name: pulumi.Output[str]
    trail_log_group_name: pulumi.Output[str]
    detector_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: GuardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:guard:Guard", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        trail, bucket, log_group = self._trail()
        detector = self._detector()
        aws.accessanalyzer.Analyzer(
            f"{name}-analyzer", analyzer_name=PROJECT, type="ACCOUNT", opts=self._child
        )
        aws.s3.AccountPublicAccessBlock(
            f"{name}-buckets",
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        aws.ebs.EncryptionByDefault(f"{name}-volumes", enabled=True, opts=self._child)

        self.trail_arn = trail.arn
        self.trail_bucket_name = bucket.bucket_name
        self.trail_log_group_name = log_group.name
        self.detector_id = detector.id
        self.register_outputs(
            {
                "trail_arn": self.trail_arn,
                "trail_bucket_name": self.trail_bucket_name,
                "trail_log_group_name": self.trail_log_group_name,
                "detector_id": self.detector_id,
            }
        )

    def _trail(self) -> tuple[aws.cloudtrail.Trail, PrivateBucket, aws.cloudwatch.LogGroup]:
        args, name = self._args, self._name_prefix
        bucket, admission = self._record()
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-trail",
            name=args.names.log_group("trail"),
            retention_in_days=args.trail.log_retention_days,
            kms_key_id=args.log_key_arn,
            opts=self._child,
        )
        role, rights = self._trail_role(log_group)
        trail = aws.cloudtrail.Trail(
            f"{name}-trail",
            # Fixed: bucket and key admit exactly this trail.
            name=PROJECT,
            s3_bucket_name=bucket.bucket_name,
            kms_key_id=args.log_key_arn,
            cloud_watch_logs_group_arn=pulumi.Output.concat(log_group.arn, ":*"),
            cloud_watch_logs_role_arn=role.arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            # CloudTrail tries both ways when the trail is made.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[admission, rights]),
        )
        return trail, bucket, log_group

    def _record(self) -> tuple[PrivateBucket, aws.s3.BucketPolicy]:
        """The bucket of the record, and the policy that lets CloudTrail write to it."""
        args, name = self._args, self._name_prefix
        bucket = PrivateBucket(
            f"{name}-trail",
            PrivateBucketArgs(
                kms_key_arn=args.log_key_arn,
                expire_days=args.trail.retention_days,
                old_version_days=OLD_VERSION_DAYS,
                protect=args.protect,
            ),
            self._child,
        )
        if args.trail.lock_days is not None:
            lock_versions(f"{name}-trail", bucket, args.trail.lock_days, self._child)
        only_ours = {"aws:SourceArn": trail_arn(args.region, args.account_id)}
        # CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail".
        policy = bucket_policy(
            f"{name}-trail",
            bucket,
            self._child,
            {
                "Sid": "CloudTrailLooks",
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "s3:GetBucketAcl",
                "Resource": bucket.arn,
                "Condition": {"StringEquals": only_ours},
            },
            {
                "Sid": "CloudTrailWrites",
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": pulumi.Output.concat(bucket.arn, "/AWSLogs/", args.account_id, "/*"),
                "Condition": {
                    "StringEquals": {**only_ours, "s3:x-amz-acl": "bucket-owner-full-control"}
                },
            },
        )
        record_readers(
            f"{name}-readers",
            bucket,
            "trail",
            args.account_id,
            PrivateBucketArgs(
                kms_key_arn=None,
                expire_days=ACCESS_LOG_DAYS,
                old_version_days=OLD_VERSION_DAYS,
                protect=args.protect,
            ),
            self._child,
        )
        return bucket, policy

    def _trail_role(
        self, log_group: aws.cloudwatch.LogGroup
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        # Rights: CloudTrail user guide, "Role policy document for CloudTrail to use CloudWatch
        # Logs for monitoring". The condition keeps other accounts' trails from using the role.
        args, name = self._args, self._name_prefix
        own_trail = {"aws:SourceArn": trail_arn(args.region, args.account_id)}
        return role_with_rights(
            f"{name}-trail",
            "Writes the trail into its log group",
            service_trust("cloudtrail.amazonaws.com", {"StringEquals": own_trail}),
            [
                {
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    # CloudTrail names its streams so.
                    "Resource": pulumi.Output.concat(
                        log_group.arn,
                        ":log-stream:",
                        args.account_id,
                        f"_CloudTrail_{args.region}*",
                    ),
                }
            ],
            self._child,
        )

    def _detector(self) -> aws.guardduty.Detector:
        name = self._name_prefix
        detector = aws.guardduty.Detector(
            f"{name}-detector",
            enable=True,
            finding_publishing_frequency="FIFTEEN_MINUTES",
            opts=self._child,
        )
        # Each by name: AWS turns on most plans of a new detector by itself.
        for feature in Feature:
            status = "ENABLED" if feature in self._args.detection.features else "DISABLED"
            agent = (
                [
                    aws.guardduty.DetectorFeatureAdditionalConfigurationArgs(
                        name="ECS_FARGATE_AGENT_MANAGEMENT", status=status
                    )
                ]
                if feature is Feature.RUNTIME
                else None
            )
            aws.guardduty.DetectorFeature(
                f"{name}-{feature.name.lower()}",
                detector_id=detector.id,
                name=feature.value,
                status=status,
                additional_configurations=agent,
                opts=self._child,
            )
        return detector
