"""Databases in the availability pack."""

import pytest

from policies.availability.databases import (
    database_deletion_protection,
    database_final_snapshot,
    database_multi_az,
)
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN, check

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
GLOBAL_CLUSTER = "aws:rds/globalCluster:GlobalCluster"
REPLICA = {INSTANCE: "replicateSourceDb", CLUSTER: "replicationSourceIdentifier"}

CASES = [
    Case(
        database_multi_az,
        INSTANCE,
        {"multiAz": True},
        [
            ({"multiAz": False}, "multiAz is false, wanted is true"),
            ({"multiAz": None}, "multiAz is not set, which means false"),
            ({"multiAz": None, "replicateSourceDb": ""}, "multiAz is not set"),
        ],
        also_good=[{"multiAz": False, "replicateSourceDb": "main"}],
        undecided=[{"multiAz": UNKNOWN}, {"multiAz": False, "replicateSourceDb": UNKNOWN}],
        spared_in_staging=True,
    ),
    *(
        Case(
            database_deletion_protection,
            kind,
            {"deletionProtection": True},
            [
                ({"deletionProtection": False}, "deletionProtection is false"),
                ({"deletionProtection": None}, "deletionProtection is not set"),
            ],
            also_good=[{"deletionProtection": False, REPLICA[kind]: "main"}]
            if kind in REPLICA
            else [],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER, GLOBAL_CLUSTER)
    ),
    *(
        Case(
            database_final_snapshot,
            kind,
            {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "last-1"},
            [
                ({"skipFinalSnapshot": True}, "skipFinalSnapshot is true, wanted is false"),
                ({"finalSnapshotIdentifier": None}, "finalSnapshotIdentifier is not set"),
                ({"finalSnapshotIdentifier": ""}, "finalSnapshotIdentifier is not set"),
            ],
            also_good=[
                {"skipFinalSnapshot": None},
                {
                    "skipFinalSnapshot": True,
                    "finalSnapshotIdentifier": None,
                    REPLICA[kind]: "main",
                },
            ],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def test_an_unknown_value_hides_no_other() -> None:
    outcome = check(database_final_snapshot, INSTANCE, {"skipFinalSnapshot": UNKNOWN})
    assert outcome.failed == ["it"]
    assert "skipFinalSnapshot" in outcome.advisory
