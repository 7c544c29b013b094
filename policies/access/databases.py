"""Who reaches databases, over the network and by name."""

from collections.abc import Sequence
from typing import Final

from pulumi_policy import Severity

from .database_types import CLUSTER, CLUSTER_INSTANCE, INSTANCE
from .kinds import owing_of
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_SUBNET: Final = "aws:ec2/subnet:Subnet"
_SUBNET_GROUPS: Final = (
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:elasticache/subnetGroup:SubnetGroup",
)
_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
_TABLE: Final = "aws:ec2/routeTable:RouteTable"
_ROUTE: Final = "aws:ec2/route:Route"
_INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"

_OF_INTERNET_GATEWAY: Final = "igw-"
"""Starts the id of each."""


@Rule(
    name="database-private",
    description=(
        "Databases have no public address: a password is then not the only thing between them"
        " and the internet."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.FSBP, "RDS.2"),
        Reference(Framework.CIS, "3.2.3"),
        Reference(Framework.CHECKOV, "CKV_AWS_17"),
    ),
    remediation="Set publiclyAccessible to false.",
).for_each(INSTANCE, CLUSTER, CLUSTER_INSTANCE)
def database_private(database: Checked) -> None:
    if database.get("publiclyAccessible"):
        database.fails("publiclyAccessible", seen="true", wanted="false")


@Rule(
    name="database-iam-authentication",
    description=(
        "People reach production's databases with IAM's tokens: those end after minutes, and"
        " belong to somebody."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "RDS.10"),
        Reference(Framework.CHECKOV, "CKV_AWS_161"),
    ),
    remediation="Set iamDatabaseAuthenticationEnabled to true; passwords keep working.",
).for_each(INSTANCE, CLUSTER)
def database_iam_authentication(database: Checked) -> None:
    database.must_be_true("iamDatabaseAuthenticationEnabled")


@Rule(
    name="database-user-name",
    description=(
        "The master user of production's databases is not one of the names that everybody tries"
        " first."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "RDS.25"),),
    settings=(
        Setting(
            "commonNames",
            "Lower-case names that fail",
            ["admin", "administrator", "master", "postgres", "root", "sa", "user"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation="Choose another name; it replaces the database.",
).for_each(INSTANCE, CLUSTER)
def database_user_name(database: Checked) -> None:
    name = "masterUsername" if database.type == CLUSTER else "username"
    # A replica or a restored database has its source's.
    if (user := database.get(name)) and user.lower() in database.setting("commonNames"):
        database.fails(name, seen=user, wanted="a name of your own")


@Rule(
    name="database-minor-upgrades",
    description=(
        "Databases take minor versions by themselves: those mend what attackers already know."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "RDS.13"),
        Reference(Framework.CIS, "3.2.2"),
        Reference(Framework.CHECKOV, "CKV_AWS_226"),
    ),
    remediation="Set autoMinorVersionUpgrade to true, or leave it out.",
).for_each(INSTANCE, CLUSTER, CLUSTER_INSTANCE)
def database_minor_upgrades(database: Checked) -> None:
    if database.get("autoMinorVersionUpgrade") is False:
        database.fails("autoMinorVersionUpgrade", seen="false", wanted="true")


@Rule(
    name="data-subnets-private",
    description=(
        "No subnet of a database or a cache has a route to an internet gateway: one wrong flag or"
        " rule would then be enough to make it public."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "RDS.46"),),
    remediation="Name private subnets alone in subnetIds.",
).for_stack()
def data_subnets_private(stack: Stack) -> None:
    for group in owing_of(stack, _SUBNET_GROUPS):
        for subnet in stack.all(_SUBNET):
            with group.unknowns_noted():
                if _is_public(subnet, stack) and group.holds("subnetIds", subnet):
                    group.fails(
                        "subnetIds",
                        seen=f"with {subnet.name}, which has a route to an internet gateway",
                        wanted="private subnets alone",
                    )


def _is_public(subnet: Checked, stack: Stack) -> bool:
    tables = [
        table
        for association in stack.all(_ASSOCIATION)
        if association.refers_to("subnetId", subnet)
        for table in stack.all(_TABLE)
        if association.refers_to("routeTableId", table)
    ]
    gateways = stack.all(_INTERNET_GATEWAY)
    return any(_leads_outside(table, gateways, stack) for table in tables)


def _leads_outside(table: Checked, gateways: Sequence[Checked], stack: Stack) -> bool:
    # Routes stand beside the table or within it; an inline one is told by its dependency.
    return any(table.depends_on("routes", gateway) for gateway in gateways) or any_of(
        stack.all(_ROUTE),
        lambda route: route.refers_to("routeTableId", table) and _takes_gateway(route, gateways),
    )


def _takes_gateway(route: Checked, gateways: Sequence[Checked]) -> bool:
    return route.was_given("gatewayId") and (
        any_of(gateways, lambda gateway: route.refers_to("gatewayId", gateway))
        or str(route.get("gatewayId")).startswith(_OF_INTERNET_GATEWAY)
    )
