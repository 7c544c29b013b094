"""Where caches stand in the network."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule

_CLUSTER: Final = "aws:elasticache/cluster:Cluster"
_DEFAULT: Final = "default"


@Rule(
    name="cache-subnet-group",
    description=(
        "Caches stand in subnets that the stack chose: AWS's default group has all subnets of the"
        " default VPC, which are public."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ElastiCache.7"),
        Reference(Framework.CHECKOV, "CKV_AWS_323"),
    ),
    remediation="Set subnetGroupName to the name of an aws.elasticache.SubnetGroup.",
).for_each("aws:elasticache/replicationGroup:ReplicationGroup", _CLUSTER)
def cache_subnet_group(cache: Checked) -> None:
    group = cache.get("subnetGroupName")
    if group not in (None, "", _DEFAULT):
        return
    # A member has the subnets of its replication group.
    if cache.type == _CLUSTER and cache.get("replicationGroupId"):
        return
    cache.fails(
        "subnetGroupName",
        seen=group or "not set, which means AWS's default",
        wanted="a subnet group of private subnets",
    )
