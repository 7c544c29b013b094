"""Buckets at rest and on the wire."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_policy import Severity

from .customer_keys import is_customer_key
from .documents import Statement, statements_of
from .kinds import (
    BUCKET_LOGGINGS,
    BUCKET_POLICY,
    BUCKETS,
    LOAD_BALANCERS,
    all_of,
    is_about,
    owing_of,
)
from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_ENCRYPTIONS: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
_WITH_KMS: Final = ("aws:kms", "aws:kms:dsse")
_BALANCER_LOGS: Final = ("accessLogs", "connectionLogs", "healthCheckLogs")

_ALL_OF_S3: Final = "s3:*"
_TLS_KEY: Final = "aws:securetransport"


@Rule(
    name="bucket-customer-key",
    description=(
        "Buckets encrypt with a key of our own: who may read objects is then decided by the key's"
        " policy too. Buckets that receive the logs of a load balancer or of other buckets are"
        " spared: those services write with S3's own key alone."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "S3.17"),
        Reference(Framework.CHECKOV, "CKV_AWS_145"),
    ),
    remediation=(
        "Add an aws.s3.BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms and the"
        " ARN of a key of the stack."
    ),
).for_stack()
def bucket_customer_key(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            if not _has_customer_key(bucket, stack) and not _takes_no_key(bucket, stack):
                bucket.fails(
                    "encryption",
                    seen="without a customer managed key",
                    wanted="aws:kms with a customer managed key",
                )


def _has_customer_key(bucket: Checked, stack: Stack) -> bool:
    return any_of(
        all_of(stack, _ENCRYPTIONS),
        lambda each: is_about(each, bucket) and _with_customer_key(each.get("rules") or ()),
    ) or _with_customer_key(_inline_rules(bucket))


def _inline_rules(bucket: Checked) -> Sequence[Mapping[str, Any]]:
    """As aws.s3.Bucket and the older aws.s3.BucketV2 write them."""
    if inline := bucket.given("serverSideEncryptionConfiguration"):
        return [inline["rule"]]
    several = bucket.given("serverSideEncryptionConfigurations") or ()
    return [rule for each in several for rule in each["rules"]]


def _with_customer_key(rules: Sequence[Mapping[str, Any]]) -> bool:
    return any_of(
        [default for rule in rules for default in _defaults(rule)],
        lambda default: (
            default.get("sseAlgorithm") in _WITH_KMS
            and is_customer_key(default.get("kmsMasterKeyId"))
        ),
    )


def _defaults(rule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if default := rule.get("applyServerSideEncryptionByDefault"):
        return [default]
    return rule.get("applyServerSideEncryptionByDefaults") or ()


def _takes_no_key(bucket: Checked, stack: Stack) -> bool:
    # Application Load Balancers user guide, "Enable access logs"; Amazon S3 user guide, "Logging
    # requests with server access logging".
    deliveries = [
        (balancer, logs) for balancer in all_of(stack, LOAD_BALANCERS) for logs in _BALANCER_LOGS
    ]
    return any_of(
        deliveries, lambda each: each[0].holds(each[1], bucket, lambda logs: [logs["bucket"]])
    ) or any_of(
        all_of(stack, BUCKET_LOGGINGS), lambda logging: logging.refers_to("targetBucket", bucket)
    )


@Rule(
    name="bucket-tls-only",
    description=(
        "Buckets refuse requests without TLS, whoever sends them: S3 answers plain HTTP otherwise,"
        " with the object in clear."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "S3.5"),
        Reference(Framework.CIS, "3.1.1"),
    ),
    remediation=(
        "Add a statement to the bucket's policy that denies s3:* to everyone, on the bucket and on"
        " its objects, if aws:SecureTransport is false."
    ),
).for_stack()
def bucket_tls_only(stack: Stack) -> None:
    for bucket in owing_of(stack, BUCKETS):
        with bucket.unknowns_noted():
            if not _refuses_http(bucket, stack):
                bucket.fails(
                    "bucket policy",
                    seen="missing, or without a denial of plain HTTP",
                    wanted="one that denies s3:* without TLS",
                )


def _refuses_http(bucket: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(BUCKET_POLICY),
        lambda policy: is_about(policy, bucket) and _has_denial(policy, bucket),
    ) or (bool(bucket.given("policy")) and _has_denial(bucket, bucket))


def _has_denial(policy: Checked, bucket: Checked) -> bool:
    document = policy.get("policy")
    arn = str(bucket.get("arn"))
    return any(
        _denies_http(statement) and all(map(statement.resources.includes, (arn, f"{arn}/*")))
        for statement in statements_of(policy, "policy", document)
    )


def _denies_http(statement: Statement) -> bool:
    """For everyone, everything, and on this one condition: a second one would let some through."""
    return (
        not statement.allows
        and statement.principals is not None
        and statement.principals.everyone
        and not statement.principals.inverted
        and statement.actions.includes(_ALL_OF_S3)
        and [(each.operator, each.key, each.values) for each in statement.conditions]
        == [("bool", _TLS_KEY, ("false",))]
    )
