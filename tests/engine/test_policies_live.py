"""The policy packs over the whole program, on the real engine: their evidence and refusals."""

import json

import pytest

from tests.engine.conftest import LocalCloud, MakeCloud
from tests.policies.harness import PACKS
from tests.policies.test_packs import catalogue

WEAKER = {
    "database": {"multi_az": False, "backup_retention_days": 7, "deletion_protection": False},
    "cache": {"nodes": 1, "multi_az": False},
}
OPEN_PORT = """
if pulumi.get_stack() == "production":
    aws.vpc.SecurityGroupIngressRule(
        "open",
        security_group_id="sg-0123456789abcdef0",
        ip_protocol="tcp",
        from_port=5432,
        to_port=5432,
        cidr_ipv4="0.0.0.0/0",
        description="For a report",
        tags={"Environment": "production", "Owner": "Somebody", "ManagedBy": "Pulumi"},
    )
"""
DATABASE = "aws:rds/instance:Instance 'aussie-markets-production-database-instance': "
CACHE = (
    "aws:elasticache/replicationGroup:ReplicationGroup 'aussie-markets-production-cache-group': "
)
REFUSALS = (
    f"{DATABASE}multiAz is false, wanted is true. Set multiAz to true;",
    f"{DATABASE}deletionProtection is false, wanted is true. Set deletionProtection to true.",
    f"{DATABASE}protect is false, wanted is true. Set the resource option protect to true.",
    f"{DATABASE}backupRetentionPeriod is 7, wanted is 30 or more. Raise backupRetentionPeriod.",
    f"{CACHE}numCacheClusters is 1, wanted is 2 or more. Raise numCacheClusters, or",
    f"{CACHE}automaticFailoverEnabled is false, wanted is true. Set automaticFailoverEnabled and",
    f"{CACHE}multiAzEnabled is false, wanted is true. Set automaticFailoverEnabled and",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule 'open': cidrIpv4 is 0.0.0.0/0 on tcp"
    " 5432, wanted is at most TCP 80, 443 of the security group of a load balancer that faces the"
    " internet. Name the security group that needs access",
)


@pytest.fixture(scope="module")
def cloud(make_cloud: MakeCloud) -> LocalCloud:
    return make_cloud()


def test_the_evidence_has_every_control_with_what_it_looked_at(cloud: LocalCloud) -> None:
    answer = cloud.run("policies", "--stack", "staging")
    assert answer.code == 0, answer.text
    folder = cloud.folders.evidence
    assert str(folder / "staging.md") in answer.text
    assert str(folder / "staging.json") in answer.text

    content = json.loads((folder / "staging.json").read_text())
    assert content["stack"] == "staging"
    verdicts = {(each["pack"], each["rule"]): each["verdict"] for each in content["controls"]}
    assert set(verdicts) == {(pack.name, rule) for pack in PACKS for rule in catalogue(pack)}
    assert "failed" not in verdicts.values()
    # By each kind of rule: of one resource and of relations, owed and not.
    assert verdicts["encryption", "kms-key-rotation"] == "passed"
    assert verdicts["retention", "vpc-flow-log"] == "passed"
    assert verdicts["availability", "database-multi-az"] == "not demanded in this stack"
    assert verdicts["availability", "nat-gateway-per-zone"] == "not demanded in this stack"
    assert verdicts["access", "iam-no-users"] == "looked at nothing"

    page = (folder / "staging.md").read_text().splitlines()
    rows = {row.split("`")[1]: row for row in page if row.startswith("| `")}
    assert set(rows) == {rule for _, rule in verdicts}
    for (_, rule), verdict in verdicts.items():
        assert rows[rule].endswith(f" {verdict} |")
    assert rows["iam-no-users"].endswith("| 0 | looked at nothing |")


def test_weaker_settings_of_production_are_refused_with_what_to_change(cloud: LocalCloud) -> None:
    program = cloud.repository / "__main__.py"
    files = (program, cloud.repository / "Pulumi.production.yaml")
    before = [file.read_text() for file in files]
    cloud.configure("production", **WEAKER)
    program.write_text(before[0] + OPEN_PORT)
    answer = cloud.run("preview", "--stack", "production")
    for file, text in zip(files, before, strict=True):
        file.write_text(text)
    assert answer.code != 0
    said = sorted(line.strip() for line in answer.text.splitlines() if ", wanted is " in line)
    assert len(said) == len(REFUSALS), said
    for message, begins_with in zip(said, sorted(REFUSALS), strict=True):
        assert message.startswith(begins_with)
    assert not cloud.state("production")
