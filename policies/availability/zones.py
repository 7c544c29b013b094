"""Subnets and the availability zones that they stand in."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from pulumi_policy import Severity
from pulumi_policy.proxy import UnknownValueError

from .kinds import FUNCTION, LOAD_BALANCERS, owing_of
from .rule import Checked, Framework, Reference, Rule, Scope, Stack, unknown_value

SUBNET: Final = "aws:ec2/subnet:Subnet"

_SUBNET_GROUPS: Final = (
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:elasticache/subnetGroup:SubnetGroup",
)
_FEWEST_ZONES: Final = 2

_Elements = Callable[[Any], Sequence[Any]]


@Rule(
    name="subnet-group-zones",
    description=(
        "Subnet groups of databases and caches span two availability zones at least: a standby"
        " has nowhere to go otherwise, and adding a zone later may need a new database."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.FSBP, "RDS.5"),),
    remediation="Name subnets of two availability zones in subnetIds.",
).for_stack()
def subnet_group_zones(stack: Stack) -> None:
    for group in owing_of(stack, _SUBNET_GROUPS):
        _check_zones(group, "subnetIds", stack, lambda ids: ids)


@Rule(
    name="load-balancer-zones",
    description=(
        "Load balancers stand in two availability zones at least, so that the loss of one leaves"
        " the other's address."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.FSBP, "ELB.13"),),
    remediation="Name subnets of two availability zones in subnets or subnetMappings.",
).for_stack()
def load_balancer_zones(stack: Stack) -> None:
    for balancer in owing_of(stack, LOAD_BALANCERS):
        if balancer.was_given("subnetMappings"):
            _check_zones(balancer, "subnetMappings", stack, _of_mappings)
        else:
            _check_zones(balancer, "subnets", stack, lambda ids: ids)


def _of_mappings(mappings: Any) -> Sequence[Any]:
    return [mapping["subnetId"] for mapping in mappings]


@Rule(
    name="function-zones",
    description=(
        "Production's functions inside the VPC stand in two availability zones at least: one in a"
        " lost zone does not start."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "Lambda.5"),),
    remediation="Name subnets of two availability zones in vpcConfig.subnetIds.",
).for_stack()
def function_zones(stack: Stack) -> None:
    for function in stack.owing(FUNCTION):
        if _is_in_a_vpc(function):
            _check_zones(function, "vpcConfig", stack, lambda config: config["subnetIds"])


def _is_in_a_vpc(function: Checked) -> bool:
    """After an update a function outside has a vpcConfig too, with nothing in it."""
    try:
        config = function.given("vpcConfig")
        return config is not None and len(config["subnetIds"]) > 0
    except UnknownValueError:
        return True


def _check_zones(resource: Checked, property_name: str, stack: Stack, elements: _Elements) -> None:
    with resource.unknowns_noted():
        certain: set[str] = set()
        possible: dict[str, str] = {}
        for subnet in stack.all(SUBNET):
            with suppress(UnknownValueError):
                if not resource.holds(property_name, subnet, elements):
                    continue
                certain.add(zone_of(subnet))
            possible[subnet.name] = _zone_or_name(subnet)
        if len(certain) >= _FEWEST_ZONES:
            return
        zones = sorted(set(possible.values()))
        if len(zones) >= _FEWEST_ZONES or _has_others(
            resource, property_name, len(possible), elements
        ):
            raise unknown_value(property_name)
        resource.fails(
            property_name,
            seen=f"in {', '.join(zones) or 'no zone'} alone",
            wanted=f"subnets of {_FEWEST_ZONES} availability zones",
        )


def _zone_or_name(subnet: Checked) -> str:
    """A zone that is not known yet may be any, so it counts as one of its own."""
    with suppress(UnknownValueError):
        return zone_of(subnet)
    return subnet.name


def _has_others(resource: Checked, property_name: str, ours: int, elements: _Elements) -> bool:
    """Whether there may be ids of subnets that this stack does not have."""
    try:
        value = resource.get(property_name)
        return value is not None and len(elements(value)) > ours
    except UnknownValueError:
        return not ours


def zone_of(subnet: Checked) -> str:
    """The zone by name or by id; AWS chooses where neither is given."""
    for name in ("availabilityZone", "availabilityZoneId"):
        with suppress(UnknownValueError):
            if zone := subnet.get(name):
                return str(zone)
    raise unknown_value("availabilityZone")
