"""Deletion safety in the availability pack."""

import pytest

from policies.availability.deletion import (
    kms_key_deletion_window,
    load_balancer_deletion_protection,
    protected,
    storage_not_emptied,
)
from tests.policies.cases import Case
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, check

BALANCERS = [
    f"aws:{module}/loadBalancer:LoadBalancer"
    for module in ("lb", "alb", "elasticloadbalancingv2", "applicationloadbalancing")
]
INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
BUCKETS = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"]
KEYS = ["aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey"]
VAULT = "aws:backup/vault:Vault"
REPOSITORY = "aws:ecr/repository:Repository"

CASES = [
    *(
        Case(
            load_balancer_deletion_protection,
            kind,
            {"enableDeletionProtection": True},
            [
                ({"enableDeletionProtection": False}, "enableDeletionProtection is false"),
                ({"enableDeletionProtection": None}, "enableDeletionProtection is not set"),
            ],
            spared_in_staging=True,
        )
        for kind in BALANCERS
    ),
    *(
        Case(
            storage_not_emptied,
            kind,
            {name: False},
            [({name: True}, f"{name} is true, wanted is false")],
            also_good=[{name: None}],
            spared_in_staging=True,
        )
        for kind, name in (
            *((kind, "forceDestroy") for kind in (*BUCKETS, VAULT)),
            (REPOSITORY, "forceDelete"),
        )
    ),
    *(
        Case(
            kms_key_deletion_window,
            kind,
            {"deletionWindowInDays": 14.0},
            [({"deletionWindowInDays": 13.0}, "deletionWindowInDays is 13, wanted is 14 or more")],
            also_good=[{"deletionWindowInDays": None}, {"deletionWindowInDays": 30.0}],
            spared_in_staging=True,
        )
        for kind in KEYS
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


@pytest.mark.parametrize(("days", "passes"), [(29.0, False), (30.0, True), (None, True)])
def test_the_window_can_be_configured(days: float | None, passes: bool) -> None:
    given = {} if days is None else {"deletionWindowInDays": days}
    outcome = check(kms_key_deletion_window, KEYS[0], given, config={"minimumDays": 30.0})
    assert outcome.passed is passes


@pytest.mark.parametrize("kind", [INSTANCE, CLUSTER, *BUCKETS, *KEYS, VAULT])
def test_what_holds_data_is_protected(kind: str) -> None:
    for stack in (PRODUCTION, UNLISTED):
        outcome = check(protected, kind, {}, stack=stack)
        assert outcome.failed == ["it"]
        assert "protect is false, wanted is true" in outcome.messages
    assert check(protected, kind, {}, protect=True).passed
    assert check(protected, kind, {}, stack=STAGING).passed
    exemptions = {"exemptions": {"it": "Goes with the old platform, ticket 12"}}
    assert check(protected, kind, {}, config=exemptions).passed


def test_other_types_need_no_protection() -> None:
    assert check(protected, "aws:sns/topic:Topic", {}).passed


@pytest.mark.parametrize(
    ("kind", "name"),
    [(INSTANCE, "replicateSourceDb"), (CLUSTER, "replicationSourceIdentifier")],
)
def test_a_replica_needs_no_protection(kind: str, name: str) -> None:
    assert check(protected, kind, {name: "main"}).passed
    outcome = check(protected, kind, {name: UNKNOWN})
    assert not outcome.failed
    assert name in outcome.advisory
    assert check(protected, kind, {name: UNKNOWN}, protect=True).passed


@pytest.mark.parametrize(
    ("name", "passes"), [("aussie-markets-production-database-key", True), ("database", False)]
)
def test_keys_that_stay_without_protection_are_exempted(name: str, passes: bool) -> None:
    assert check(protected, KEYS[0], {}, name=name).passed is passes
