"""Databases through the loss of a zone, and through a mistake."""

from pulumi_policy import Severity

from .database_types import CLUSTER, INSTANCE, is_replica
from .rule import Checked, Framework, Reference, Rule, Scope


@Rule(
    name="database-multi-az",
    description=(
        "Production's databases have a standby in another availability zone, and lose nothing"
        " with their own. Read replicas are spared: they hold nothing of their own."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "RDS.5"),
        Reference(Framework.CIS, "3.2.4"),
        Reference(Framework.CHECKOV, "CKV_AWS_157"),
    ),
    remediation="Set multiAz to true; it changes in place.",
).for_each(INSTANCE)
def database_multi_az(database: Checked) -> None:
    if not is_replica(database):
        database.must_be_true("multiAz")


@Rule(
    name="database-deletion-protection",
    description=(
        "Production's databases refuse to be deleted, whoever asks: Pulumi's own protection ends"
        " at Pulumi. Read replicas are spared: they hold nothing of their own."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "RDS.8"),
        Reference(Framework.CHECKOV, "CKV_AWS_293"),
    ),
    remediation="Set deletionProtection to true.",
).for_each(INSTANCE, CLUSTER, "aws:rds/globalCluster:GlobalCluster")
def database_deletion_protection(database: Checked) -> None:
    if not is_replica(database):
        database.must_be_true("deletionProtection")


@Rule(
    name="database-final-snapshot",
    description=(
        "Production's databases leave a final snapshot when they are deleted. Read replicas are"
        " spared: RDS refuses one of them."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation=(
        "Leave skipFinalSnapshot out, and set finalSnapshotIdentifier to a name that no snapshot"
        " has yet."
    ),
).for_each(INSTANCE, CLUSTER)
def database_final_snapshot(database: Checked) -> None:
    if is_replica(database):
        return
    with database.unknowns_noted():
        if database.get("skipFinalSnapshot"):
            database.fails("skipFinalSnapshot", seen="true", wanted="false")
    with database.unknowns_noted():
        if not database.get("finalSnapshotIdentifier"):
            database.fails("finalSnapshotIdentifier", seen="not set", wanted="a name")
