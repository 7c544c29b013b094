"""The encryption pack."""

from typing import Any

import pytest

from policies.encryption.keys import kms_key_rotation
from policies.encryption.log_groups import log_group_customer_key
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, check

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "aws:kms/key:Key"
STACKS = [STAGING, PRODUCTION, UNLISTED]


@pytest.mark.parametrize("stack", STACKS)
def test_a_log_group_needs_a_key_in_every_stack(stack: str) -> None:
    outcome = check(log_group_customer_key, LOG_GROUP, {}, stack=stack, name="api")
    assert outcome.failed == ["api"]
    for part in (LOG_GROUP, "'api'", "kmsKeyId is not set", "Set kmsKeyId to the ARN"):
        assert part in outcome.messages
    given = {"kmsKeyId": "arn:aws:kms:ap-southeast-2:1:key/2"}
    assert check(log_group_customer_key, LOG_GROUP, given, stack=stack).passed


def test_an_empty_key_is_none() -> None:
    assert check(log_group_customer_key, LOG_GROUP, {"kmsKeyId": ""}).failed


def test_a_key_that_is_not_known_yet_neither_fails_nor_passes_in_silence() -> None:
    outcome = check(log_group_customer_key, LOG_GROUP, {"kmsKeyId": UNKNOWN}, name="api")
    assert not outcome.failed
    assert "'api'" in outcome.advisory
    assert "kmsKeyId" in outcome.advisory


def test_an_exempted_log_group_passes() -> None:
    config = {"exemptions": {"old-*": "Its service cannot use a key of ours"}}
    assert check(log_group_customer_key, LOG_GROUP, {}, name="old-api", config=config).passed
    assert check(log_group_customer_key, LOG_GROUP, {}, name="api", config=config).failed


def test_other_types_are_not_its_matter() -> None:
    assert check(log_group_customer_key, "aws:s3/bucket:Bucket", {}).passed


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({"enableKeyRotation": True}, True),
        ({"enableKeyRotation": False}, False),
        ({}, False),
        ({"customerMasterKeySpec": "SYMMETRIC_DEFAULT"}, False),
        ({"customerMasterKeySpec": "RSA_4096"}, True),
        ({"customerMasterKeySpec": "HMAC_256"}, True),
        ({"customKeyStoreId": "cks-1"}, True),
    ],
)
def test_symmetric_keys_rotate(properties: dict[str, Any], passes: bool, stack: str) -> None:
    assert check(kms_key_rotation, KEY, properties, stack=stack).passed is passes


@pytest.mark.parametrize("name", ["enableKeyRotation", "customerMasterKeySpec"])
def test_unknown_rotation(name: str) -> None:
    outcome = check(kms_key_rotation, KEY, {name: UNKNOWN})
    assert not outcome.failed
    assert name in outcome.advisory
