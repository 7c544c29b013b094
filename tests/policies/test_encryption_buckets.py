"""Buckets in the encryption pack."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from policies.encryption.buckets import bucket_customer_key, bucket_tls_only
from tests.policies.cases import stack_fails, stack_passes, stack_waits
from tests.policies.harness import UNKNOWN, Given, check_stack

BUCKETS = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"]
ENCRYPTIONS = [
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
]
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/1"
ARN = "arn:aws:s3:::data-1"


def bucket(kind: str = BUCKETS[0], name: str = "data", **properties: Any) -> Given:
    given = {"bucket": f"{name}-1", "arn": f"arn:aws:s3:::{name}-1"}
    return Given(kind, name, given | properties)


def default(algorithm: Any = "aws:kms", key: Any = KEY) -> dict[str, Any]:
    return {"sseAlgorithm": algorithm} | ({} if key is None else {"kmsMasterKeyId": key})


def encryption(
    of: Given, by_default: Mapping[str, Any] | None = None, kind: str = ENCRYPTIONS[0]
) -> Given:
    rules = [{"applyServerSideEncryptionByDefault": by_default or default()}]
    given = {"bucket": of.properties["bucket"], "rules": rules}
    return Given(kind, f"{of.name}-encryption", given, {"bucket": of})


@pytest.mark.parametrize("kind", BUCKETS)
@pytest.mark.parametrize("separate", ENCRYPTIONS)
def test_each_bucket_has_its_key(kind: str, separate: str) -> None:
    first, second = bucket(kind), bucket(kind, "second")
    stack_passes(bucket_customer_key, first, encryption(first, kind=separate))
    stack_fails(
        bucket_customer_key,
        [first, encryption(first, kind=separate), second],
        ["second"],
        "encryption is without a customer managed key",
    )


@pytest.mark.parametrize(
    ("by_default", "passes"),
    [
        (default(), True),
        (default("aws:kms:dsse"), True),
        (default("AES256", None), False),
        (default("AES256"), False),
        (default(key=None), False),
        (default(key="alias/aws/s3"), False),
    ],
)
def test_which_encryption_has_a_key_however_it_is_written(
    by_default: dict[str, Any], passes: bool
) -> None:
    plain = bucket()
    inline = bucket(
        serverSideEncryptionConfiguration={
            "rule": {"applyServerSideEncryptionByDefault": by_default}
        }
    )
    older = bucket(
        BUCKETS[1],
        serverSideEncryptionConfigurations=[
            {"rules": [{"applyServerSideEncryptionByDefaults": [by_default]}]}
        ],
    )
    for given in ([plain, encryption(plain, by_default)], [inline], [older]):
        if passes:
            stack_passes(bucket_customer_key, *given)
        else:
            stack_fails(bucket_customer_key, given, ["data"])


def test_what_aws_fills_in_is_no_encryption_of_ours() -> None:
    filled = bucket(serverSideEncryptionConfiguration=UNKNOWN)
    stack_fails(bucket_customer_key, [filled], ["data"])
    stack_passes(bucket_customer_key, filled, encryption(filled))


@pytest.mark.parametrize("logs", ["accessLogs", "connectionLogs", "healthCheckLogs"])
def test_a_bucket_of_load_balancer_logs_takes_no_key(logs: str) -> None:
    receiving, other = bucket(), bucket(name="other")
    by_name = Given(BALANCER, "alb", {logs: {"bucket": "data-1"}})
    stack_fails(bucket_customer_key, [receiving, other, by_name], ["other"])
    receiving.properties = {"bucket": "data-1", "arn": UNKNOWN}
    by_dependency = Given(BALANCER, "alb", {logs: {"bucket": UNKNOWN}}, {logs: receiving})
    stack_fails(bucket_customer_key, [receiving, other, by_dependency], ["other"])


@pytest.mark.parametrize(
    "kind", ["aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2"]
)
def test_nor_does_one_of_other_buckets_logs(kind: str) -> None:
    receiving, other = bucket(), bucket(name="other")
    logging = Given(
        kind, "l", {"bucket": "other-1", "targetBucket": "data-1"}, {"targetBucket": receiving}
    )
    stack_fails(bucket_customer_key, [receiving, other, logging], ["other"])


def test_a_key_that_is_not_known_yet_leaves_others_checked() -> None:
    unclear, bad = bucket(), bucket(name="bad")
    stack_waits(
        bucket_customer_key, unclear, encryption(unclear, default(key=UNKNOWN)), said="'data'"
    )
    resources = [unclear, encryption(unclear, default(UNKNOWN)), bad]
    outcome = check_stack(bucket_customer_key, resources)
    assert outcome.failed == ["bad"]
    assert "sseAlgorithm" in outcome.advisory


def denial(**changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [ARN, f"{ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    } | changes


def document(*statements: dict[str, Any]) -> str:
    allow = {"Effect": "Allow", "Principal": {"Service": "x"}, "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow, *statements]})


def policy(of: Given, text: str) -> Given:
    given = {"bucket": of.properties["bucket"], "policy": text}
    return Given(POLICY, f"{of.name}-policy", given, {"bucket": of})


@pytest.mark.parametrize("kind", BUCKETS)
def test_each_bucket_refuses_plain_http(kind: str) -> None:
    first, second = bucket(kind), bucket(kind, "second")
    inline = bucket(kind, policy=document(denial()))
    stack_passes(bucket_tls_only, first, policy(first, document(denial())))
    stack_passes(bucket_tls_only, inline)
    stack_fails(
        bucket_tls_only,
        [first, policy(first, document(denial())), second],
        ["second"],
        "bucket policy is missing, or without a denial of plain HTTP",
    )


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"Principal": {"AWS": "*"}}, True),
        ({"Resource": "*"}, True),
        ({"Resource": [ARN, "arn:aws:s3:::data-1/*"], "Action": ["s3:*"]}, True),
        ({"Condition": {"Bool": {"aws:securetransport": False}}}, True),
        ({"Action": "*"}, True),
        ({"Effect": "Allow"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Resource": ARN}, False),
        ({"Resource": f"{ARN}/*"}, False),
        ({"Resource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SecureTransport": "false"}}}, False),
        ({"Condition": {"Bool": {"aws:ViaAWSService": "false"}}}, False),
        ({"Condition": {}}, False),
        (
            {
                "Condition": {
                    "Bool": {"aws:SecureTransport": "false"},
                    "StringEquals": {"aws:SourceVpc": "vpc-1"},
                }
            },
            False,
        ),
    ],
)
def test_what_refuses_plain_http(changes: dict[str, Any], passes: bool) -> None:
    given = bucket()
    resources = [given, policy(given, document(denial(**changes)))]
    if passes:
        stack_passes(bucket_tls_only, *resources)
    else:
        stack_fails(bucket_tls_only, resources, ["data"])


def test_a_denial_that_spares_somebody_or_names_nobody_is_none() -> None:
    for principal in ({"NotPrincipal": {"AWS": "arn:aws:iam::1:root"}}, {}):
        spared = {k: v for k, v in denial().items() if k != "Principal"} | principal
        given = bucket()
        stack_fails(bucket_tls_only, [given, policy(given, document(spared))], ["data"])


def test_a_policy_that_is_not_known_yet_leaves_others_checked() -> None:
    unclear, bad = bucket(arn=UNKNOWN), bucket(name="bad")
    stack_waits(bucket_tls_only, unclear, policy(unclear, UNKNOWN), said="'data'")
    resources = [unclear, policy(unclear, document(denial())), bad]
    outcome = check_stack(bucket_tls_only, resources)
    assert outcome.failed == ["bad"]
    assert "arn" in outcome.advisory


def test_a_rule_about_something_else_is_no_encryption() -> None:
    given = bucket()
    for rules in ({"rules": [{"bucketKeyEnabled": True}]}, {}):
        other = Given(ENCRYPTIONS[0], "other", {"bucket": "data-1", **rules}, {"bucket": given})
        stack_fails(bucket_customer_key, [given, other], ["data"])


def test_an_inline_policy_that_refuses_nothing_is_none() -> None:
    stack_fails(bucket_tls_only, [bucket(policy=document())], ["data"])


def test_a_denial_in_the_policy_of_another_bucket_is_none() -> None:
    first, second = bucket(), bucket(name="second")
    wide = policy(first, document(denial(Resource="*")))
    stack_fails(bucket_tls_only, [first, wide, second], ["second"])
