"""A bucket that nobody but its owner's services can reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.documents import on_behalf_of, policy_document, tls_only

# Parts of an upload that nobody finishes are paid for and never seen.
UNFINISHED_UPLOAD_DAYS: Final = 7


@dataclass(frozen=True)
class PrivateBucketArgs:
    """Inputs of `PrivateBucket`.

    `kms_key_arn` encrypts each object; without it S3's own key does, for writers that take no
    other. An object goes `expire_days` after it was written (never without them), and an
    overwritten or deleted one `old_version_days` after that. `protect` keeps the bucket from
    `pulumi destroy`; without it the bucket goes together with what it holds. `region` is the
    provider's unless it is given.
    """

    kms_key_arn: pulumi.Input[str] | None
    old_version_days: int
    protect: bool
    expire_days: int | None = None
    region: str | None = None


class PrivateBucket(pulumi.ComponentResource):
    """`aussie-markets:buckets:PrivateBucket`: a bucket, and everything about it but its policy.

    The policy belongs to whoever knows the readers: a bucket has one alone, and it must refuse
    whatever comes without TLS (`objects_with_tls_only`).

    - `aws.s3.Bucket`: auto-named, since bucket names are the whole world's.
    - `aws.s3.BucketPublicAccessBlock`: no access list or policy can open it.
    - `aws.s3.BucketOwnershipControls`: no access lists; the bucket's owner owns each object.
    - `aws.s3.BucketVersioning`: what is overwritten or deleted can be brought back.
    - `aws.s3.BucketServerSideEncryptionConfiguration`: the key, asked once for many objects.
    - `aws.s3.BucketLifecycleConfiguration`: old versions and unfinished uploads go.
    """

    bucket_name: pulumi.Output[str]
    arn: pulumi.Output[str]
    domain_name: pulumi.Output[str]
    """The host of the bucket in its region."""

    def __init__(
        self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:buckets:PrivateBucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            force_destroy=not args.protect,
            region=args.region,
            # What is in it exists nowhere else, or is what a replica would be restored from.
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=args.region,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            region=args.region,
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(
                status="Enabled"
            ),
            region=args.region,
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=_encryption(args.kms_key_arn),
                    bucket_key_enabled=args.kms_key_arn is not None,
                )
            ],
            region=args.region,
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=_lifecycle(args),
            region=args.region,
            # S3 refuses to expire old versions where there are none.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        self.bucket_name = bucket.bucket
        self.arn = bucket.arn
        self.domain_name = bucket.bucket_regional_domain_name
        self.register_outputs(
            {"bucket_name": self.bucket_name, "arn": self.arn, "domain_name": self.domain_name}
        )


def objects_with_tls_only(arn: pulumi.Input[str]) -> Mapping[str, Any]:
    """The statement of a bucket policy that refuses whatever comes without TLS."""
    return tls_only("s3:*", [arn, pulumi.Output.concat(arn, "/*")])


def bucket_policy(
    name: str,
    bucket: PrivateBucket,
    opts: pulumi.ResourceOptions,
    *statements: Mapping[str, Any],
) -> aws.s3.BucketPolicy:
    """The policy of a bucket in the provider's region, with `objects_with_tls_only`."""
    return aws.s3.BucketPolicy(
        name,
        bucket=bucket.bucket_name,
        policy=pulumi.Output.json_dumps(
            policy_document(*statements, objects_with_tls_only(bucket.arn))
        ),
        opts=opts,
    )


def lock_versions(
    name: str, bucket: PrivateBucket, days: int, opts: pulumi.ResourceOptions
) -> aws.s3.BucketObjectLockConfiguration:
    """Keep each version for `days`, whoever wants to delete it."""
    return aws.s3.BucketObjectLockConfiguration(
        name,
        bucket=bucket.bucket_name,
        rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
            default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                # Compliance mode could never be undone, not even by AWS.
                mode="GOVERNANCE",
                days=days,
            )
        ),
        # S3 refuses Object Lock before the bucket keeps versions.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[bucket])),
    )


def record_readers(
    name: str,
    read: PrivateBucket,
    prefix: str,
    account_id: pulumi.Input[str],
    args: PrivateBucketArgs,
    opts: pulumi.ResourceOptions,
) -> PrivateBucket:
    """A second bucket, in which S3 notes below `prefix` who reads the first one.

    S3 delivers such logs with its own key alone, and to no bucket with Object Lock.
    """
    readers = PrivateBucket(name, args, opts)
    # Amazon S3 user guide, "Enabling Amazon S3 server access logging".
    delivery = {
        "Sid": "LogDelivery",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": pulumi.Output.concat(readers.arn, f"/{prefix}/*"),
        "Condition": on_behalf_of(account_id, read.arn),
    }
    policy = bucket_policy(name, readers, opts, delivery)
    aws.s3.BucketLogging(
        name,
        bucket=read.bucket_name,
        target_bucket=readers.bucket_name,
        target_prefix=f"{prefix}/",
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )
    return readers


def _encryption(
    kms_key_arn: pulumi.Input[str] | None,
) -> aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs:
    by_default = (
        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs
    )
    if kms_key_arn is None:
        return by_default(sse_algorithm="AES256")
    return by_default(sse_algorithm="aws:kms", kms_master_key_id=kms_key_arn)


def _lifecycle(args: PrivateBucketArgs) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    """One rule for the whole bucket.

    S3 takes a number of days or the tidying of lone delete markers, not both in one rule; a rule
    with days tidies them by itself.
    """
    expiration = (
        aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True)
        if args.expire_days is None
        else aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days)
    )
    return [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="expire",
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            expiration=expiration,
            noncurrent_version_expiration=(
                aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                    noncurrent_days=args.old_version_days
                )
            ),
            abort_incomplete_multipart_upload=(
                aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=UNFINISHED_UPLOAD_DAYS
                )
            ),
        )
    ]
