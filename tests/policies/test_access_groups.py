"""How security groups are written, what they let out, and who reaches data."""

from typing import Any

import pytest

from policies.access.data_stores import data_store_clients
from policies.access.group_rules import security_group_described, security_group_separate_rules
from policies.access.open_to_world import egress_not_everything
from policies.access.openings import EGRESS_RULE as EGRESS
from policies.access.openings import INGRESS_RULE as INGRESS
from policies.access.openings import LEGACY_RULE as LEGACY
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INSTANCE = "aws:rds/instance:Instance"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"


@pytest.mark.parametrize("kind", [GROUP, INGRESS, EGRESS, LEGACY])
def test_groups_and_rules_say_what_they_are_for(kind: str) -> None:
    passes(security_group_described, kind, {"description": "Queries of the API"})
    fails(security_group_described, kind, {}, "description is not set")
    fails(security_group_described, kind, {"description": " "}, "not set")
    fails(security_group_described, kind, {"description": "Managed by Pulumi"}, "Managed by")
    waits(security_group_described, kind, {"description": UNKNOWN})


def test_rules_are_resources_of_their_own() -> None:
    passes(security_group_separate_rules, GROUP, {"name": "g"})
    fails(security_group_separate_rules, GROUP, {"ingress": []}, "ingress is given inline")
    fails(security_group_separate_rules, GROUP, {"egress": UNKNOWN}, "egress is given inline")
    fails(security_group_separate_rules, GROUP, {"ingress": [], "egress": []}, times=2)


def egress(way: str, protocol: Any, first: Any = None, last: Any = None, to: str = "::/0") -> Given:
    ports = {"fromPort": first, "toPort": last}
    if way == EGRESS:
        return Given(way, "out", {"ipProtocol": protocol, "cidrIpv6": to, **ports})
    several = {"protocol": protocol, "ipv6CidrBlocks": [to], **ports}
    if way == GROUP:
        return Given(way, "out", {"egress": [several]})
    return Given(way, "out", {"type": "egress", **several})


@pytest.mark.parametrize("way", [EGRESS, GROUP, LEGACY])
@pytest.mark.parametrize(
    ("protocol", "first", "last", "said"),
    [
        ("-1", None, None, "every port of every protocol"),
        ("all", 0, 0, "every port of every protocol"),
        ("tcp", 0, 65535, "all of tcp"),
        ("6", 1, 65535, "6 1-65535"),
        ("udp", None, None, "all of udp"),
    ],
)
def test_not_everything_goes_out(
    way: str, protocol: str, first: int | None, last: int | None, said: str
) -> None:
    out = egress(way, protocol, first, last)
    stack_fails(egress_not_everything, [out], ["out"], f"::/0 on {said}", spared_in_staging=True)


@pytest.mark.parametrize("way", [EGRESS, GROUP, LEGACY])
def test_what_may_go_out(way: str) -> None:
    stack_passes(egress_not_everything, egress(way, "tcp", 443, 443))
    stack_passes(egress_not_everything, egress(way, "tcp", 2, 65535))
    stack_passes(egress_not_everything, egress(way, "tcp", 0, 65534))
    stack_passes(egress_not_everything, egress(way, "icmp", 8, 0))
    stack_passes(egress_not_everything, egress(way, "-1", to="2001:db8::/32"))
    stack_waits(egress_not_everything, egress(way, UNKNOWN), said="rotocol")


def test_ways_in_are_not_its_matter() -> None:
    opened = {"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}
    stack_passes(
        egress_not_everything,
        Given(LEGACY, "in", {"type": "ingress", **opened}),
        Given(GROUP, "group", {"ingress": [opened]}),
    )


def store(kind: str, group: Given) -> Given:
    name = "securityGroupIds" if kind == CACHE else "vpcSecurityGroupIds"
    return Given(kind, "store", {name: [UNKNOWN]}, {name: group})


def admitting(guard: Given, source: dict[str, Any], client: Given | None = None) -> Given:
    depends = {"securityGroupId": guard}
    if client:
        depends["referencedSecurityGroupId"] = client
    return Given(INGRESS, "rule", {"securityGroupId": UNKNOWN, **source}, depends)


@pytest.mark.parametrize("kind", [INSTANCE, CACHE])
def test_data_admits_groups_and_no_addresses(kind: str) -> None:
    guard, api = Given(GROUP, "data", {"id": UNKNOWN}), Given(GROUP, "api", {"id": UNKNOWN})
    held = store(kind, guard)
    by_group = admitting(guard, {"referencedSecurityGroupId": UNKNOWN}, api)
    stack_passes(data_store_clients, guard, api, held, by_group)
    for name in ("cidrIpv4", "cidrIpv6", "prefixListId"):
        by_address = admitting(guard, {name: "10.0.0.0/16"})
        stack_fails(
            data_store_clients, [guard, api, held, by_address], ["rule"], f"{name} is given"
        )
        stack_waits(data_store_clients, guard, api, held, admitting(guard, {name: UNKNOWN}))
        elsewhere = admitting(api, {name: "10.0.0.0/16"})
        stack_passes(data_store_clients, guard, api, held, elsewhere)


def test_data_admits_no_load_balancer() -> None:
    guard, front = Given(GROUP, "data", {"id": UNKNOWN}), Given(GROUP, "front", {"id": UNKNOWN})
    held = store(INSTANCE, guard)
    rule = admitting(guard, {"referencedSecurityGroupId": UNKNOWN}, front)
    balancer = Given(BALANCER, "alb", {"securityGroups": [UNKNOWN]}, {"securityGroups": front})
    stack_passes(data_store_clients, guard, front, held, rule)
    api = Given(GROUP, "api", {"id": UNKNOWN})
    by_api = admitting(guard, {"referencedSecurityGroupId": UNKNOWN}, api)
    stack_passes(data_store_clients, guard, front, api, held, by_api, balancer)
    given = [guard, front, held, rule, balancer]
    stack_fails(data_store_clients, given, ["rule"], "front, the security group of a load balancer")


def test_data_in_the_other_two_ways() -> None:
    front = Given(GROUP, "front", {"id": "sg-front"})
    balancer = Given(BALANCER, "alb", {"securityGroups": ["sg-front"]})
    held = Given(INSTANCE, "store", {"vpcSecurityGroupIds": ["sg-data"]})
    inline = {"securityGroups": ["sg-front"], "cidrBlocks": ["10.0.0.0/8"]}
    guard = Given(GROUP, "data", {"id": "sg-data", "ingress": [inline]})
    given = [front, balancer, held, guard]
    stack_fails(data_store_clients, given, ["data", "data"], "ingress[0].cidrBlocks", "front")
    plain = Given(GROUP, "data", {"id": "sg-data"})
    legacy = Given(
        LEGACY,
        "old",
        {"type": "ingress", "securityGroupId": "sg-data", "sourceSecurityGroupId": "sg-front"},
    )
    stack_fails(data_store_clients, [front, balancer, held, plain, legacy], ["old"], "front")
