"""The availability pack."""

from collections.abc import Mapping
from typing import Any

import pytest

from policies.availability.nat_gateways import nat_gateway_per_zone
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, Given, check_stack

ZONES = ("a", "b", "c")


def network(
    gateways: Mapping[str, str], *, zones: tuple[str, ...] = ("a", "b"), known: bool = True
) -> list[Given]:
    """Public and private subnets; `gateways` says which zone's gateway a zone's route takes."""

    def reference(other: Given) -> str:
        return f"id-{other.type}-{other.name}" if known else UNKNOWN

    def given(kind: str, name: str, properties: Mapping[str, Any], **behind: Given) -> Given:
        resource = Given(f"aws:ec2/{kind[0].lower()}{kind[1:]}:{kind}", name, {}, behind)
        resource.properties = {
            "id": reference(resource),
            **properties,
            **{key: reference(other) for key, other in behind.items()},
        }
        return resource

    resources: list[Given] = []
    nats: dict[str, Given] = {}
    for zone in zones:
        public = given("Subnet", f"public-{zone}", {"availabilityZone": zone, "tags": {}})
        resources.append(public)
        if zone in gateways.values():
            nats[zone] = given("NatGateway", f"nat-{zone}", {}, subnetId=public)
            resources.append(nats[zone])
    for zone in zones:
        private = given(
            "Subnet",
            f"private-{zone}",
            {"availabilityZone": zone, "tags": {"SubnetType": "Private"}},
        )
        table = given("RouteTable", f"private-{zone}", {})
        association = given(
            "RouteTableAssociation", f"private-{zone}", {}, subnetId=private, routeTableId=table
        )
        resources += [private, table, association]
        if zone in gateways:
            resources.append(
                given(
                    "Route",
                    f"private-{zone}",
                    {},
                    routeTableId=table,
                    natGatewayId=nats[gateways[zone]],
                )
            )
    return resources


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("gateways", "failing"),
    [
        ({"a": "a", "b": "b"}, []),
        ({"a": "a", "b": "a"}, ["private-b"]),
        ({"a": "b", "b": "a"}, ["private-a", "private-b"]),
        ({"a": "a"}, ["private-b"]),
        ({}, ["private-a", "private-b"]),
    ],
)
@pytest.mark.parametrize("stack", [PRODUCTION, UNLISTED])
def test_each_zone_has_its_own(
    gateways: dict[str, str], failing: list[str], known: bool, stack: str
) -> None:
    outcome = check_stack(nat_gateway_per_zone, network(gateways, known=known), stack=stack)
    assert outcome.failed == failing
    assert not outcome.advisory


def test_the_message_names_gateway_zone_and_setting() -> None:
    outcome = check_stack(nat_gateway_per_zone, network({"a": "a", "b": "a"}))
    for part in ("'private-b'", "nat-a, in another availability zone", "one in b", "OnePerAz"):
        assert part in outcome.messages


def test_staging_may_share_one() -> None:
    resources = network({"a": "a", "b": "a"})
    assert check_stack(nat_gateway_per_zone, resources, stack=STAGING).passed


@pytest.mark.parametrize(("shared", "failing"), [("c", []), ("a", ["private-c"])])
def test_three_zones(shared: str, failing: list[str]) -> None:
    resources = network({"a": "a", "b": "b", "c": shared}, zones=ZONES)
    assert check_stack(nat_gateway_per_zone, resources).failed == failing


def _named(resources: list[Given], kind: str, name: str) -> Given:
    (found,) = [r for r in resources if r.type.endswith(f":{kind}") and r.name == name]
    return found


def test_an_unknown_zone_leaves_the_others_checked() -> None:
    resources = network({"a": "a", "b": "a"})
    private = _named(resources, "Subnet", "private-a")
    private.properties = {**private.properties, "availabilityZone": UNKNOWN}
    outcome = check_stack(nat_gateway_per_zone, resources)
    assert outcome.failed == ["private-b"]
    assert "'private-a'" in outcome.advisory


@pytest.mark.parametrize("tags", [{}, {"tags": None}, {"tags": {"SubnetType": "Public"}}])
def test_a_subnet_that_is_not_private_needs_no_gateway(tags: dict[str, Any]) -> None:
    subnet = Given("aws:ec2/subnet:Subnet", "public", {"availabilityZone": "a", **tags})
    assert check_stack(nat_gateway_per_zone, [subnet]).passed


def test_a_zone_may_be_given_by_id() -> None:
    resources = network({"a": "a", "b": "b"})
    for subnet in resources:
        if subnet.type.endswith(":Subnet"):
            zone = subnet.properties["availabilityZone"]
            subnet.properties = {
                **subnet.properties,
                "availabilityZone": UNKNOWN,
                "availabilityZoneId": f"apse2-{zone}",
            }
    assert check_stack(nat_gateway_per_zone, resources).passed


@pytest.mark.parametrize(
    ("properties", "passes"),
    [({"availabilityMode": "regional"}, True), ({"connectivityType": "private"}, False)],
)
def test_kinds_of_gateway(properties: dict[str, str], passes: bool) -> None:
    resources = network({"a": "a", "b": "a"})
    gateway = _named(resources, "NatGateway", "nat-a")
    gateway.properties = {**gateway.properties, **properties}
    assert check_stack(nat_gateway_per_zone, resources).passed is passes


def test_a_kind_of_gateway_that_is_unknown_leaves_the_others_checked() -> None:
    resources = network({"a": "a", "b": "b"})
    gateway = _named(resources, "NatGateway", "nat-a")
    gateway.properties = {**gateway.properties, "connectivityType": UNKNOWN}
    assert check_stack(nat_gateway_per_zone, resources).passed  # for AWS to fill
    home = _named(resources, "Subnet", "public-a")
    gateway.depends = {**gateway.depends, "connectivityType": home}
    outcome = check_stack(nat_gateway_per_zone, resources)
    assert not outcome.failed
    assert "'private-a'" in outcome.advisory
    assert "'private-b'" not in outcome.advisory


def test_routes_within_the_table_count() -> None:
    resources = network({"a": "a", "b": "b"})
    for zone in "ab":
        table = _named(resources, "RouteTable", f"private-{zone}")
        table.depends = {"routes": _named(resources, "NatGateway", f"nat-{zone}")}
        resources.remove(_named(resources, "Route", f"private-{zone}"))
    assert check_stack(nat_gateway_per_zone, resources).passed


def test_a_subnet_can_be_exempted() -> None:
    config = {"exemptions": {"private-b": "Holds endpoints only, ticket 44"}}
    resources = network({"a": "a", "b": "a"})
    assert check_stack(nat_gateway_per_zone, resources, config=config).passed
