"""The access pack."""

from typing import Any

import pytest

from policies.access.default_group import default_security_group_empty
from policies.access.kinds import LOAD_BALANCERS
from policies.access.open_to_world import open_to_world
from policies.access.openings import is_world
from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, Given, check_stack

GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
LEGACY = "aws:ec2/securityGroupRule:SecurityGroupRule"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
VPC = "aws:ec2/vpc:Vpc"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"

WAYS = [RULE, LEGACY, GROUP]
STACKS = [STAGING, PRODUCTION, UNLISTED]


def opening(
    way: str,
    *,
    group: str = "net-api",
    cidr: str = "0.0.0.0/0",
    protocol: Any = "tcp",
    first: Any = 443,
    last: Any = 443,
) -> list[Given]:
    """A group with one ingress rule, written in one of the three ways."""
    six = ":" in cidr
    ports = {"fromPort": first, "toPort": last}
    several = {"protocol": protocol, "ipv6CidrBlocks" if six else "cidrBlocks": [cidr], **ports}
    if way == GROUP:
        return [Given(GROUP, group, {"id": "sg-1", "ingress": [several]})]
    holder = Given(GROUP, group, {"id": UNKNOWN})
    properties = (
        {"ipProtocol": protocol, "cidrIpv6" if six else "cidrIpv4": cidr, **ports}
        if way == RULE
        else {"type": "ingress", **several}
    )
    properties["securityGroupId"] = UNKNOWN
    return [holder, Given(way, "rule", properties, {"securityGroupId": holder})]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("port", [80, 443])
def test_the_load_balancers_web_ports_are_open(way: str, port: int, stack: str) -> None:
    resources = opening(way, group="net-load-balancer", first=port, last=float(port))
    assert check_stack(open_to_world, resources, stack=stack).passed


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("way", WAYS)
def test_no_other_group_is(way: str, stack: str) -> None:
    outcome = check_stack(open_to_world, opening(way), stack=stack)
    assert len(outcome.failed) == 1
    for part in ("0.0.0.0/0 on tcp 443", "at most TCP 80, 443", "referencedSecurityGroupId"):
        assert part in outcome.messages


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("protocol", "first", "last", "said"),
    [
        ("tcp", 22, 22, "tcp 22, wanted"),
        ("tcp", 79, 81, "tcp 79-81"),
        ("tcp", 80, 443, "tcp 80-443"),
        ("tcp", 0, 65535, "all of tcp"),
        ("TCP", 443, 444, "tcp 443-444"),
        ("6", 3389, 3389, "6 3389"),
        ("tcp", None, None, "all of tcp"),
        ("tcp", None, 443, "all of tcp"),
        ("tcp", 443, None, "all of tcp"),
        ("tcp", -1, -1, "all of tcp"),
        ("tcp", 443, 80, "tcp 443"),
        ("udp", 443, 443, "udp 443"),
        ("icmp", 8, 0, "all of icmp"),
        ("-1", 443, 443, "every port of every protocol"),
        ("-1", None, None, "every port of every protocol"),
        ("-1", 0, 0, "every port of every protocol"),
    ],
)
def test_nor_are_other_ports_of_the_load_balancer(
    way: str, protocol: str, first: int | None, last: int | None, said: str
) -> None:
    resources = opening(way, group="net-load-balancer", protocol=protocol, first=first, last=last)
    outcome = check_stack(open_to_world, resources)
    assert len(outcome.failed) == 1
    assert said in outcome.messages


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("cidr", "world"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("0:0:0:0:0:0:0:0/0", True),
        ("0.0.0.0/1", True),
        ("128.0.0.0/1", True),
        ("8000::/1", True),
        ("2000::/3", True),
        ("64.0.0.0/7", True),
        ("10.0.0.0/8", False),
        ("10.0.0.0/16", False),
        ("203.0.113.7/32", False),
        ("2001:db8::/32", False),
    ],
)
def test_who_is_the_world(way: str, cidr: str, world: bool) -> None:
    outcome = check_stack(open_to_world, opening(way, cidr=cidr, first=22, last=22))
    assert bool(outcome.failed) is world
    assert not outcome.advisory


def test_what_is_no_network_is_not_the_world() -> None:
    assert is_world("0.0.0.0/7")
    assert is_world("2000::/15")
    assert not is_world("2000::/16")
    assert not is_world("anywhere")


def test_both_halves_are_named() -> None:
    several = {"protocol": "tcp", "fromPort": 22, "toPort": 22}
    halves = {"cidrBlocks": ["10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"]}
    group = Given(GROUP, "g", {"ingress": [several | halves]})
    assert check_stack(open_to_world, [group]).failed == ["g", "g"]


@pytest.mark.parametrize(("internal", "passes"), [(None, True), (False, True), (True, False)])
def test_a_group_of_an_internet_facing_load_balancer_is_public(
    internal: bool | None, passes: bool
) -> None:
    group, rule = opening(RULE, group="front")
    balancer = Given(
        BALANCER,
        "alb",
        {"internal": internal, "securityGroups": [UNKNOWN]},
        {"securityGroups": [group]},
    )
    assert check_stack(open_to_world, [group, rule, balancer]).passed is passes


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("token", LOAD_BALANCERS)
def test_a_name_makes_no_group_public_where_there_is_a_load_balancer(way: str, token: str) -> None:
    resources = opening(way, group="net-load-balancer")
    group = resources[0]
    elsewhere = Given(token, "alb", {"securityGroups": ["sg-9"]})
    assert len(check_stack(open_to_world, [*resources, elsewhere]).failed) == 1
    internal = Given(
        token, "alb", {"internal": True, "securityGroups": [UNKNOWN]}, {"securityGroups": group}
    )
    assert len(check_stack(open_to_world, [*resources, internal]).failed) == 1
    facing = Given(token, "alb", {"securityGroups": [UNKNOWN]}, {"securityGroups": group})
    assert check_stack(open_to_world, [*resources, internal, facing]).passed


def test_the_group_of_the_rule_is_the_public_one() -> None:
    resources = opening(RULE, group="inner")
    front = Given(GROUP, "front", {"id": "sg-front"})
    balancer = Given(BALANCER, "alb", {"securityGroups": ["sg-front"]})
    assert check_stack(open_to_world, [*resources, front, balancer]).failed == ["rule"]


def test_an_unknown_load_balancer_decides_later() -> None:
    group, rule = opening(RULE, group="front")
    balancer = Given(
        BALANCER,
        "alb",
        {"internal": UNKNOWN, "securityGroups": [UNKNOWN]},
        {"securityGroups": group, "internal": group},
    )
    outcome = check_stack(open_to_world, [group, rule, balancer])
    assert not outcome.failed
    assert "'rule'" in outcome.advisory


def test_ports_and_groups_can_be_configured() -> None:
    resources = opening(RULE, group="vpn", first=1194, last=1194)
    config = {"publicPorts": [1194.0], "publicGroups": ["vpn"]}
    assert check_stack(open_to_world, resources, config=config).passed


def test_egress_is_not_its_matter() -> None:
    _, rule = resources = opening(LEGACY)
    rule.properties = {**rule.properties, "type": "egress"}
    assert check_stack(open_to_world, resources).passed


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("unknown", ["cidr", "protocol", "first", "last"])
def test_unknown_values_leave_the_others_checked(way: str, unknown: str) -> None:
    resources = opening(way, **{unknown: UNKNOWN})
    bad = Given(RULE, "bad", {"cidrIpv6": "::/0", "ipProtocol": "-1", "securityGroupId": "sg-9"})
    outcome = check_stack(open_to_world, [*resources, bad])
    assert outcome.failed == ["bad"]
    assert outcome.advisory.count("\n") == 1


def test_unknown_elements_leave_the_others_checked() -> None:
    several = {"protocol": "tcp", "fromPort": 22, "toPort": 22}
    group = Given(
        GROUP,
        "g",
        {
            "ingress": [
                UNKNOWN,
                several | {"cidrBlocks": UNKNOWN},
                several | {"cidrBlocks": [UNKNOWN, "0.0.0.0/0"]},
            ]
        },
    )
    whole = Given(GROUP, "h", {"ingress": UNKNOWN}, {"ingress": group})
    outcome = check_stack(open_to_world, [group, whole])
    assert outcome.failed == ["g"]
    assert "ingress[2].cidrBlocks is 0.0.0.0/0" in outcome.messages
    assert outcome.advisory.count("\n") == 4


def test_rules_that_aws_will_list_are_not_inline_rules() -> None:
    assert check_stack(open_to_world, [Given(GROUP, "g", {"ingress": UNKNOWN})]).passed


def test_a_rule_can_be_exempted() -> None:
    config = {"exemptions": {"rule": "Scanned weekly, agreed with security"}}
    assert check_stack(open_to_world, opening(RULE), config=config).passed


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("properties", "failing"),
    [
        ({}, []),
        ({"ingress": [], "egress": []}, []),
        ({"ingress": UNKNOWN, "egress": UNKNOWN}, []),  # nobody gave any
        ({"ingress": [{"protocol": "-1", "self": True}]}, ["default"]),
        ({"egress": [{"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}]}, ["default"]),
        ({"ingress": [{}], "egress": [{}]}, ["default", "default"]),
    ],
)
def test_the_default_group_is_emptied(
    properties: dict[str, Any], failing: list[str], stack: str
) -> None:
    vpc = Given(VPC, "net", {"id": "vpc-1"})
    group = Given(DEFAULT, "default", {"vpcId": "vpc-1", **properties})
    assert check_stack(default_security_group_empty, [vpc, group], stack=stack).failed == failing


def test_each_vpc_empties_its_own() -> None:
    vpc, second = Given(VPC, "net", {"id": UNKNOWN}), Given(VPC, "second", {"id": UNKNOWN})
    group = Given(DEFAULT, "default", {"vpcId": UNKNOWN}, {"vpcId": vpc})
    outcome = check_stack(default_security_group_empty, [vpc, second, group])
    assert outcome.failed == ["second"]
    assert not outcome.advisory
    config = {"exemptions": {"second": "Shared by another account"}}
    assert check_stack(default_security_group_empty, [vpc, second, group], config=config).passed


def test_the_group_of_another_vpc_is_reported_once() -> None:
    vpc, second = Given(VPC, "net", {"id": "vpc-1"}), Given(VPC, "second", {"id": "vpc-2"})
    closed = Given(DEFAULT, "closed", {"vpcId": "vpc-1"})
    opened = Given(DEFAULT, "opened", {"vpcId": "vpc-2", "ingress": [{}]})
    outcome = check_stack(default_security_group_empty, [vpc, second, closed, opened])
    assert outcome.failed == ["opened"]


def test_one_direction_is_checked_while_the_other_is_unknown() -> None:
    vpc = Given(VPC, "net", {"id": "vpc-1"})
    properties = {"vpcId": "vpc-1", "ingress": UNKNOWN, "egress": [{}]}
    group = Given(DEFAULT, "default", properties, {"ingress": vpc})
    outcome = check_stack(default_security_group_empty, [vpc, group])
    assert outcome.failed == ["default"]
    assert "ingress" in outcome.advisory
