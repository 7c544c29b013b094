"""Zones of subnet groups, load balancers and functions in the availability pack."""

from typing import Any

import pytest
from pulumi_policy import StackValidationPolicy

from policies.availability.zones import function_zones, load_balancer_zones, subnet_group_zones
from tests.policies.cases import stack_fails, stack_passes, stack_waits
from tests.policies.harness import UNKNOWN, Given, check_stack

SUBNET = "aws:ec2/subnet:Subnet"
BALANCERS = [
    f"aws:{module}/loadBalancer:LoadBalancer"
    for module in ("lb", "alb", "elasticloadbalancingv2", "applicationloadbalancing")
]
FUNCTION = "aws:lambda/function:Function"

# Rule, type, property, and how ids stand in the property.
WAYS = [
    (subnet_group_zones, "aws:rds/subnetGroup:SubnetGroup", "subnetIds", list),
    (subnet_group_zones, "aws:elasticache/subnetGroup:SubnetGroup", "subnetIds", list),
    *((load_balancer_zones, kind, "subnets", list) for kind in BALANCERS),
    (
        load_balancer_zones,
        BALANCERS[0],
        "subnetMappings",
        lambda ids: [{"subnetId": each} for each in ids],
    ),
    (function_zones, FUNCTION, "vpcConfig", lambda ids: {"subnetIds": list(ids)}),
]
way = pytest.mark.parametrize(
    ("policy", "kind", "name", "written"),
    WAYS,
    ids=lambda each: each if isinstance(each, str) else "",
)


def subnet(zone: str, name: str = "", *, known: bool = True) -> Given:
    name = name or zone
    arn = f"arn:aws:ec2:ap-southeast-2:1:subnet/subnet-{name}" if known else UNKNOWN
    return Given(SUBNET, name, {"availabilityZone": zone, "arn": arn})


def standing(
    kind: str, name: str, written: Any, *subnets: Given, known: bool = True, label: str = "it"
) -> Given:
    ids = [f"subnet-{each.name}" if known else UNKNOWN for each in subnets]
    return Given(kind, label, {name: written(ids)}, {name: list(subnets)})


@way
def test_two_zones_are_needed(
    policy: StackValidationPolicy, kind: str, name: str, written: Any
) -> None:
    a, a2, b = subnet("a"), subnet("a", "a2"), subnet("b")
    stack_passes(policy, a, a2, b, standing(kind, name, written, a, b))
    stack_passes(policy, a, a2, b, standing(kind, name, written, a, a2, b))
    for few in ([a], [a, a2]):
        stack_fails(
            policy,
            [a, a2, b, standing(kind, name, written, *few)],
            ["it"],
            f"{name} is in a alone, wanted is subnets of 2 availability zones",
            spared_in_staging=policy is function_zones,
        )


@way
def test_a_preview_counts_the_subnets_behind(
    policy: StackValidationPolicy, kind: str, name: str, written: Any
) -> None:
    a, a2, b = (
        subnet("a", known=False),
        subnet("a", "a2", known=False),
        subnet("b", known=False),
    )
    stack_fails(
        policy,
        [a, a2, b, standing(kind, name, written, a, a2, known=False)],
        ["it"],
        spared_in_staging=policy is function_zones,
    )
    outcome = check_stack(policy, [a, a2, b, standing(kind, name, written, a, b, known=False)])
    assert not outcome.failed
    whole = standing(kind, name, written, a, b)
    whole.properties = {name: UNKNOWN}
    stack_waits(policy, a, b, whole, said="'it'")
    one = standing(kind, name, written, a, a2)
    one.properties = {name: UNKNOWN}
    stack_fails(policy, [a, a2, one], ["it"], spared_in_staging=policy is function_zones)


@way
def test_what_cannot_be_told_hides_no_other(
    policy: StackValidationPolicy, kind: str, name: str, written: Any
) -> None:
    a, b = subnet("a"), subnet("b")
    foreign = Given(kind, "foreign", {name: written(["subnet-x", "subnet-y"])})
    partly = Given(kind, "partly", {name: written(["subnet-a", "subnet-y"])}, {name: [a]})
    lookup = Given("aws:cloudformation/stack:Stack", "lookup", {})
    unknown = Given(kind, "unknown", {name: UNKNOWN}, {name: lookup})
    bad = standing(kind, name, written, a, label="bad")
    outcome = check_stack(policy, [a, b, lookup, foreign, partly, unknown, bad])
    assert outcome.failed == ["bad"]
    for each in ("'foreign'", "'partly'", "'unknown'"):
        assert each in outcome.advisory


def test_a_zone_that_is_not_known_yet_may_be_another_one() -> None:
    a, unclear = subnet("a"), subnet("b")
    for changed in ({"availabilityZone": UNKNOWN}, {"availabilityZone": None}):
        unclear.properties = {**unclear.properties, **changed}
        both, one = (
            standing("aws:rds/subnetGroup:SubnetGroup", "subnetIds", list, *subnets)
            for subnets in ([a, unclear], [unclear])
        )
        stack_waits(subnet_group_zones, a, unclear, both, said="'it'")
        stack_fails(subnet_group_zones, [a, unclear, one], ["it"])


def test_a_load_balancer_without_subnets_has_no_zone() -> None:
    stack_fails(load_balancer_zones, [Given(BALANCERS[0], "it", {})], ["it"], "in no zone alone")


def test_what_aws_lists_beside_what_was_given_counts_once() -> None:
    a, b = subnet("a"), subnet("b")
    balancer = standing(BALANCERS[0], "subnets", list, a, b)
    mappings = [{"subnetId": "subnet-a"}, {"subnetId": "subnet-b"}]
    balancer.properties = {**balancer.properties, "subnetMappings": mappings}
    stack_passes(load_balancer_zones, a, b, balancer)


def test_a_function_outside_the_vpc_has_no_zone_of_ours() -> None:
    stack_passes(function_zones, Given(FUNCTION, "it", {}))
    stack_passes(function_zones, Given(FUNCTION, "it", {"vpcConfig": UNKNOWN}))
    answered = {"subnetIds": [], "securityGroupIds": [], "vpcId": ""}
    stack_passes(function_zones, Given(FUNCTION, "it", {"vpcConfig": answered}))
