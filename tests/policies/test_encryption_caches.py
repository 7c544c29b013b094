"""Caches in the encryption pack."""

import pytest

from policies.encryption.caches import (
    cache_authentication,
    cache_encrypted,
    cache_in_replication_group,
    cache_tls,
)
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN, check

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/1"

CASES = [
    Case(
        cache_encrypted,
        GROUP,
        {"atRestEncryptionEnabled": True, "kmsKeyId": KEY},
        [
            ({"atRestEncryptionEnabled": False}, "atRestEncryptionEnabled is false"),
            ({"atRestEncryptionEnabled": None}, "atRestEncryptionEnabled is not set"),
            ({"kmsKeyId": None}, "kmsKeyId is not set"),
        ],
    ),
    Case(
        cache_in_replication_group,
        "aws:elasticache/cluster:Cluster",
        {"replicationGroupId": "cache"},
        [({"replicationGroupId": None}, "wanted is an encrypted replication group")],
    ),
    Case(
        cache_tls,
        GROUP,
        {"transitEncryptionEnabled": True, "transitEncryptionMode": "required"},
        [
            ({"transitEncryptionEnabled": False}, "transitEncryptionEnabled is false"),
            ({"transitEncryptionEnabled": None}, "transitEncryptionEnabled is not set"),
            ({"transitEncryptionMode": "preferred"}, "preferred, wanted is required"),
        ],
        also_good=[{"transitEncryptionMode": None}],
    ),
    Case(
        cache_authentication,
        GROUP,
        {"authTokenWo": "secret"},
        [
            (
                {"authTokenWo": None},
                "authentication is not set, wanted is one of authToken, authTokenWo, userGroupIds",
            ),
            ({"authTokenWo": None, "userGroupIds": []}, "authentication is not set"),
            ({"authTokenWo": "", "authToken": ""}, "authentication is not set"),
        ],
        also_good=[
            {"authTokenWo": None, "authToken": "secret"},
            {"authTokenWo": None, "userGroupIds": ["people"]},
            {"authToken": UNKNOWN},
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def test_one_unknown_value_hides_no_other() -> None:
    outcome = check(cache_encrypted, GROUP, {"atRestEncryptionEnabled": UNKNOWN})
    assert outcome.failed == ["it"]
    assert "atRestEncryptionEnabled" in outcome.advisory
    preferred = {"transitEncryptionEnabled": UNKNOWN, "transitEncryptionMode": "preferred"}
    outcome = check(cache_tls, GROUP, preferred)
    assert outcome.failed == ["it"]
    assert "transitEncryptionEnabled" in outcome.advisory


def test_no_token_is_told() -> None:
    outcome = check(cache_authentication, GROUP, {"authToken": "", "userGroupIds": []})
    assert outcome.failed == ["it"]
