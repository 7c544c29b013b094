"""NAT gateways and the availability zones that depend on them.

What counts is the path that traffic takes: subnet, route table association, route table, route,
NAT gateway, and the gateway's own subnet. A gateway beside that path helps nobody.
"""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Rule, Scope, Stack, any_of
from .zones import SUBNET, zone_of

_NAT: Final = "aws:ec2/natGateway:NatGateway"
_ROUTE: Final = "aws:ec2/route:Route"
_TABLE: Final = "aws:ec2/routeTable:RouteTable"
_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"

# Amazon VPC user guide, "Regional NAT gateways": one that spreads over all zones by itself.
_SPREADS_OVER_ZONES: Final = "regional"


@Rule(
    name="nat-gateway-per-zone",
    description=(
        "In production each private subnet reaches the internet through a NAT gateway of its own"
        " availability zone: a shared one takes all zones down with its own."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation=(
        "Put a NAT gateway into a public subnet of each zone (nat_strategy OnePerAz in the"
        " network's settings), and route each private subnet to that of its zone."
    ),
).for_stack()
def nat_gateway_per_zone(stack: Stack) -> None:
    for subnet in stack.owing(SUBNET):
        with subnet.unknowns_noted():
            _check(subnet, stack)


def _check(subnet: Checked, stack: Stack) -> None:
    gateways = _gateways_of(subnet, stack)
    if not gateways:
        if _is_private(subnet):
            subnet.fails(
                "route to a NAT gateway",
                seen="missing",
                wanted="one in the subnet's own availability zone",
            )
        return
    zone = zone_of(subnet)
    if not any_of(gateways, lambda gateway: _serves(gateway, zone, stack)):
        names = ", ".join(sorted(gateway.name for gateway in gateways))
        subnet.fails(
            "NAT gateway",
            seen=f"{names}, in another availability zone",
            wanted=f"one in {zone}",
        )


def _is_private(subnet: Checked) -> bool:
    """As awsx tags it. Others are private by having a route to a NAT gateway."""
    return bool((subnet.get("tags") or {}).get("SubnetType") == "Private")


def _gateways_of(subnet: Checked, stack: Stack) -> list[Checked]:
    """Where the subnet's route tables lead; unknown as a whole while one step is."""
    tables = [
        table
        for association in stack.all(_ASSOCIATION)
        if association.refers_to("subnetId", subnet)
        for table in stack.all(_TABLE)
        if association.refers_to("routeTableId", table)
    ]
    return [
        gateway
        for gateway in stack.all(_NAT)
        if any(_leads_to(table, gateway, stack) for table in tables)
    ]


def _leads_to(table: Checked, gateway: Checked, stack: Stack) -> bool:
    # Routes stand beside the table or within it; an inline one is told by its dependency.
    return table.depends_on("routes", gateway) or any_of(
        stack.all(_ROUTE),
        lambda route: (
            route.refers_to("routeTableId", table) and route.refers_to("natGatewayId", gateway)
        ),
    )


def _serves(gateway: Checked, zone: str, stack: Stack) -> bool:
    if gateway.given("connectivityType") == "private":
        return False
    return gateway.given("availabilityMode") == _SPREADS_OVER_ZONES or any_of(
        stack.all(SUBNET),
        lambda home: gateway.refers_to("subnetId", home) and zone_of(home) == zone,
    )
