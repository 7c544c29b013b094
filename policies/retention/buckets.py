"""How long buckets keep objects, their older versions, copies, and who asked for them."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import Severity

from .kinds import BUCKET_LOGGINGS, BUCKETS, LOAD_BALANCERS, all_of, is_about, logs_to, owing_of
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_VERSIONINGS: Final = (
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:s3/bucketVersioningV2:BucketVersioningV2",
)
_LIFECYCLES: Final = (
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
)
_REPLICATION: Final = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
_OBJECT_LOCKS: Final = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
)
_DELIVERY_DESTINATION: Final = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
_TRAIL: Final = "aws:cloudtrail/trail:Trail"
_ENABLED: Final = "Enabled"
_NAMES: Final = {"type": "array", "items": {"type": "string"}}


def _named(bucket: Checked) -> bool:
    """Whether the rule's setting `buckets` names it."""
    return any(fnmatchcase(bucket.name, name) for name in bucket.setting("buckets"))


@Rule(
    name="bucket-versioning",
    description=(
        "Buckets keep older versions: what is overwritten or deleted, by mistake or by an"
        " intruder, comes back."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "S3.14"),
        Reference(Framework.CHECKOV, "CKV_AWS_21"),
    ),
    remediation="Add an aws.s3.BucketVersioning with versioningConfiguration.status Enabled.",
).for_stack()
def bucket_versioning(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            if not _keeps_versions(bucket, stack):
                bucket.fails("versioning", seen="not enabled", wanted=_ENABLED)


def _keeps_versions(bucket: Checked, stack: Stack) -> bool:
    inline = [bucket.given("versioning") or {}, *(bucket.given("versionings") or ())]
    return any(each.get("enabled") for each in inline) or any_of(
        all_of(stack, _VERSIONINGS),
        lambda split: (
            is_about(split, bucket)
            and (split.get("versioningConfiguration") or {}).get("status") == _ENABLED
        ),
    )


@Rule(
    name="bucket-lifecycle",
    description=(
        "Buckets say how long they keep older versions and unfinished uploads: both are invisible,"
        " and cost for ever."
    ),
    severity=Severity.LOW,
    references=(
        Reference(Framework.FSBP, "S3.10"),
        Reference(Framework.FSBP, "S3.13"),
        Reference(Framework.CHECKOV, "CKV2_AWS_61"),
        Reference(Framework.CHECKOV, "CKV_AWS_300"),
    ),
    remediation=(
        "Add an aws.s3.BucketLifecycleConfiguration with an enabled rule for the whole bucket with"
        " abortIncompleteMultipartUpload and noncurrentVersionExpiration."
    ),
).for_stack()
def bucket_lifecycle(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            rules = list(_lifecycle_rules(bucket, stack))
            if not any(_aborts_uploads(rule) for rule in rules):
                bucket.fails("lifecycle of unfinished uploads", seen="missing", wanted="days")
            if not any(_expires_versions(rule) for rule in rules):
                bucket.fails("lifecycle of older versions", seen="missing", wanted="days")


def _lifecycle_rules(bucket: Checked, stack: Stack) -> Iterator[Mapping[str, Any]]:
    """Those in force, inline or as a resource."""
    for rule in bucket.given("lifecycleRules") or ():
        if rule.get("enabled"):
            yield rule
    for split in all_of(stack, _LIFECYCLES):
        if is_about(split, bucket):
            for rule in split.get("rules") or ():
                if rule.get("status") == _ENABLED:
                    yield rule


def _expires_versions(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("noncurrentVersionExpiration") or rule.get("noncurrentVersionExpirations"))


def _aborts_uploads(rule: Mapping[str, Any]) -> bool:
    return bool(
        rule.get("abortIncompleteMultipartUpload") or rule.get("abortIncompleteMultipartUploadDays")
    )


@Rule(
    name="bucket-replication",
    description="Buckets whose loss would end the service are copied to another region.",
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "S3.7"),
        Reference(Framework.CHECKOV, "CKV_AWS_144"),
    ),
    settings=(
        Setting(
            "buckets",
            "Logical names of the buckets that are copied, in which * matches anything",
            ["*assets-primary-bucket"],
            _NAMES,
        ),
    ),
    remediation="Add an aws.s3.BucketReplicationConfig with an enabled rule.",
).for_stack()
def bucket_replication(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            if _named(bucket) and not _is_replicated(bucket, stack):
                bucket.fails("replication", seen="missing", wanted="to another region")


def _is_replicated(bucket: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(_REPLICATION),
        lambda split: (
            is_about(split, bucket)
            and any(rule.get("status") == _ENABLED for rule in split.get("rules") or ())
        ),
    )


@Rule(
    name="bucket-object-lock",
    description=(
        "Buckets with audit logs and backups are locked: nobody, an intruder with all rights"
        " included, deletes what is younger than the lock's days."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "S3.15"),
        Reference(Framework.CHECKOV, "CKV_AWS_143"),
    ),
    settings=(
        Setting(
            "buckets",
            "Logical names of the buckets that are locked, in which * matches anything; not those"
            " of access logs, which S3 and load balancers cannot deliver to a locked bucket",
            ["*trail*", "*audit*", "*backup*", "*export*"],
            _NAMES,
        ),
    ),
    remediation=(
        "Set objectLockEnabled, and add an aws.s3.BucketObjectLockConfiguration with a"
        " rule.defaultRetention."
    ),
    exemptions={"*-readers-bucket": "S3 cannot deliver access logs to a locked bucket"},
).for_stack()
def bucket_object_lock(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            if _named(bucket) and not _is_locked(bucket, stack):
                bucket.fails("object lock", seen="missing", wanted="a default retention")


def _is_locked(bucket: Checked, stack: Stack) -> bool:
    return any_of(
        all_of(stack, _OBJECT_LOCKS),
        lambda split: _has_default_retention(split) and is_about(split, bucket),
    )


def _has_default_retention(split: Checked) -> bool:
    retention = (split.get("rule") or {}).get("defaultRetention") or {}
    return bool(retention.get("days") or retention.get("years"))


@Rule(
    name="bucket-access-logs",
    description=(
        "Buckets of production record who asked for what, in a bucket for logs; those that take"
        " logs are spared, since their own would never end."
    ),
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "S3.9"),
        Reference(Framework.CHECKOV, "CKV_AWS_18"),
    ),
    remediation="Add an aws.s3.BucketLogging with the log bucket as targetBucket.",
    exemptions={
        "*assets-primary-bucket": "CloudFront alone reads it, and records each request itself",
        "*assets-replica-bucket": "CloudFront alone reads it, and records each request itself",
    },
).for_stack()
def bucket_access_logs(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            if not _is_logged(bucket, stack) and not _takes_logs(bucket, stack):
                bucket.fails("access log", seen="missing", wanted="one in the bucket for logs")


def _is_logged(bucket: Checked, stack: Stack) -> bool:
    return bool(bucket.given("logging") or bucket.given("loggings")) or any_of(
        all_of(stack, BUCKET_LOGGINGS), lambda split: is_about(split, bucket)
    )


def _takes_logs(bucket: Checked, stack: Stack) -> bool:
    """Of other buckets, of a load balancer, of CloudTrail, or by CloudWatch's delivery."""
    return (
        any(logs_to(balancer, bucket) for balancer in all_of(stack, LOAD_BALANCERS))
        or any(
            destination.depends_on("deliveryDestinationConfiguration", bucket)
            for destination in stack.all(_DELIVERY_DESTINATION)
        )
        or any_of(stack.all(_TRAIL), lambda trail: trail.refers_to("s3BucketName", bucket))
        or any_of(
            all_of(stack, BUCKET_LOGGINGS), lambda split: split.refers_to("targetBucket", bucket)
        )
    )
