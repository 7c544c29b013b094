"""Caches in the access pack."""

from typing import Any

import pytest

from policies.access.caches import cache_subnet_group
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN

CLUSTER = "aws:elasticache/cluster:Cluster"
BAD: list[tuple[dict[str, Any], str]] = [
    ({"subnetGroupName": None}, "subnetGroupName is not set, which means AWS's default"),
    ({"subnetGroupName": ""}, "subnetGroupName is not set"),
    ({"subnetGroupName": "default"}, "subnetGroupName is default, wanted is a subnet group"),
]

CASES = [
    Case(
        cache_subnet_group,
        "aws:elasticache/replicationGroup:ReplicationGroup",
        {"subnetGroupName": "private", "replicationGroupId": "its-own"},
        BAD,
        undecided=[{"subnetGroupName": UNKNOWN}],
    ),
    Case(
        cache_subnet_group,
        CLUSTER,
        {"subnetGroupName": "private"},
        BAD,
        also_good=[{"subnetGroupName": None, "replicationGroupId": "cache"}],
        undecided=[
            {"subnetGroupName": UNKNOWN},
            {"subnetGroupName": None, "replicationGroupId": UNKNOWN},
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()
