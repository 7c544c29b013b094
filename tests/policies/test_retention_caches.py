"""Caches in the retention pack."""

from typing import Any

import pytest

from policies.retention.caches import cache_snapshots, cache_snapshots_production
from tests.policies.cases import Case
from tests.policies.harness import check

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"

CASES = [
    Case(
        cache_snapshots,
        GROUP,
        {"snapshotRetentionLimit": 1.0},
        [
            ({"snapshotRetentionLimit": 0.0}, "snapshotRetentionLimit is 0, wanted is 1 or more"),
            ({"snapshotRetentionLimit": None}, "snapshotRetentionLimit is not set, which means 0"),
        ],
        also_good=[{"snapshotRetentionLimit": 2.0}],
    ),
    Case(
        cache_snapshots_production,
        GROUP,
        {"snapshotRetentionLimit": 7.0},
        [
            ({"snapshotRetentionLimit": 6.0}, "snapshotRetentionLimit is 6, wanted is 7 or more"),
            ({"snapshotRetentionLimit": None}, "snapshotRetentionLimit is not set, which means 0"),
        ],
        also_good=[{"snapshotRetentionLimit": 8.0}],
        spared_in_staging=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


@pytest.mark.parametrize("policy", [cache_snapshots, cache_snapshots_production])
def test_the_minimum_can_be_configured(policy: Any) -> None:
    given = {"snapshotRetentionLimit": 9}
    for minimum, passes in ((9.0, True), (10.0, False)):
        outcome = check(policy, GROUP, given, config={"minimumDays": minimum})
        assert outcome.passed is passes
