"""Who can reach the databases and caches."""

from typing import Final

from pulumi_policy import Severity

from .kinds import LOAD_BALANCERS, SECURITY_GROUP, all_of
from .openings import Direction, Opening, openings
from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_GROUPS_OF_STORES: Final = {
    "aws:rds/instance:Instance": "vpcSecurityGroupIds",
    "aws:rds/cluster:Cluster": "vpcSecurityGroupIds",
    "aws:elasticache/replicationGroup:ReplicationGroup": "securityGroupIds",
    "aws:elasticache/cluster:Cluster": "securityGroupIds",
    "aws:elasticache/serverlessCache:ServerlessCache": "securityGroupIds",
}

_ADDRESSES: Final = (
    *("cidrIpv4", "cidrIpv6", "prefixListId"),
    *("cidrBlocks", "ipv6CidrBlocks", "prefixListIds"),
)
_CLIENT_GROUPS: Final = ("referencedSecurityGroupId", "sourceSecurityGroupId")


@Rule(
    name="data-store-clients",
    description=(
        "Databases and caches admit security groups by name, and not those of a load balancer:"
        " an address admits whatever gets it next, and what faces the internet has no business"
        " with data."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "EC2.19"),),
    remediation="Admit the security group of the application with referencedSecurityGroupId.",
).for_stack()
def data_store_clients(stack: Stack) -> None:
    for opening in openings(stack, Direction.INGRESS):
        with opening.resource.unknowns_noted():
            if _leads_to_data(opening, stack):
                _check_clients(opening, stack)


def _leads_to_data(opening: Opening, stack: Stack) -> bool:
    return any_of(
        stack.all(SECURITY_GROUP),
        lambda group: opening.is_of(group) and _guards_data(group, stack),
    )


def _guards_data(group: Checked, stack: Stack) -> bool:
    return any_of(
        all_of(stack, tuple(_GROUPS_OF_STORES)),
        lambda store: store.holds(_GROUPS_OF_STORES[store.type], group),
    )


def _check_clients(opening: Opening, stack: Stack) -> None:
    for name in _ADDRESSES:
        with opening.resource.unknowns_noted():
            if opening.values.get(name):
                opening.resource.fails(
                    f"{opening.path}{name}", seen="given", wanted="a security group instead"
                )
    for client in stack.all(SECURITY_GROUP):
        with opening.resource.unknowns_noted():
            if _admits(opening, client) and _faces_clients(client, stack):
                opening.resource.fails(
                    f"{opening.path}source",
                    seen=f"{client.name}, the security group of a load balancer",
                    wanted="that of the application",
                )


def _faces_clients(group: Checked, stack: Stack) -> bool:
    return any_of(
        all_of(stack, LOAD_BALANCERS), lambda balancer: balancer.holds("securityGroups", group)
    )


def _admits(opening: Opening, client: Checked) -> bool:
    if opening.resource.type == SECURITY_GROUP:
        return any(each in client.identities() for each in opening.values.get("securityGroups", ()))
    return any_of(_CLIENT_GROUPS, lambda name: opening.resource.refers_to(name, client))
