"""Subnets, access lists and endpoints."""

from typing import Any

import pytest

from policies.access.subnets import (
    network_acl_admin_ports,
    subnet_no_public_addresses,
    vpc_endpoints,
)
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given, check, check_stack

SUBNET = "aws:ec2/subnet:Subnet"
ACL = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
ACL_RULE = "aws:ec2/networkAclRule:NetworkAclRule"
VPC = "aws:ec2/vpc:Vpc"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


@pytest.mark.parametrize("kind", [SUBNET, "aws:ec2/defaultSubnet:DefaultSubnet"])
def test_subnets_give_no_public_addresses(kind: str) -> None:
    rule = subnet_no_public_addresses
    passes(rule, kind, {})
    passes(rule, kind, {"mapPublicIpOnLaunch": False})
    passes(rule, kind, {"mapPublicIpOnLaunch": True}, name="aussie-markets-vpc-public-1")
    fails(rule, kind, {"mapPublicIpOnLaunch": True}, "mapPublicIpOnLaunch is true")
    waits(rule, kind, {"mapPublicIpOnLaunch": UNKNOWN})


def entry(kind: str, **values: Any) -> dict[str, Any]:
    """One permitting entry, in one of the three ways."""
    given = {"protocol": "tcp", "cidrBlock": "0.0.0.0/0", "fromPort": 22, "toPort": 22, **values}
    action = given.pop("action", "allow")
    if kind == ACL_RULE:
        return {"ruleAction": action, **given}
    return {"ingress": [{"action": action, **given}]}


@pytest.mark.parametrize("kind", [ACL, DEFAULT_ACL, ACL_RULE])
def test_admin_ports_are_closed_to_the_world(kind: str) -> None:
    rule = network_acl_admin_ports
    path = "" if kind == ACL_RULE else "ingress[0]."
    fails(rule, kind, entry(kind), f"{path}cidrBlock is 0.0.0.0/0 on TCP 22,")
    six = {"cidrBlock": None, "ipv6CidrBlock": "::/0"}
    fails(rule, kind, entry(kind, **six), f"{path}ipv6CidrBlock is ::/0")
    fails(rule, kind, entry(kind, protocol="6", fromPort=3389, toPort=3389), "3389")
    fails(rule, kind, entry(kind, fromPort=22, toPort=23), "TCP 22,")
    fails(rule, kind, entry(kind, fromPort=21, toPort=21), "TCP 21,")
    fails(rule, kind, entry(kind, fromPort=0, toPort=65535), "TCP 20, 21, 22, 3389")
    fails(rule, kind, entry(kind, fromPort=None, toPort=20), "TCP 20,")
    fails(rule, kind, entry(kind, fromPort=3000, toPort=None), "TCP 3389,")
    fails(rule, kind, entry(kind, protocol="-1", fromPort=0, toPort=0), "TCP 20, 21, 22, 3389")
    fails(rule, kind, entry(kind, protocol="ALL"), "3389")
    passes(rule, kind, entry(kind, fromPort=23, toPort=3388))
    passes(rule, kind, entry(kind, protocol="udp"))
    passes(rule, kind, entry(kind, cidrBlock="10.0.0.0/8"))
    passes(rule, kind, entry(kind, action="deny"))
    config = {"adminPorts": [22.0]}
    passes(rule, kind, entry(kind, fromPort=3389, toPort=3389), config=config)
    waits(rule, kind, entry(kind, cidrBlock=UNKNOWN), "cidrBlock")
    waits(rule, kind, entry(kind, protocol=UNKNOWN), "protocol")


def test_other_entries_of_access_lists() -> None:
    passes(network_acl_admin_ports, ACL, {})
    passes(network_acl_admin_ports, ACL, {"egress": entry(ACL)["ingress"]})
    passes(network_acl_admin_ports, ACL_RULE, {"egress": True, **entry(ACL_RULE)})
    fails(network_acl_admin_ports, ACL_RULE, {"egress": False, **entry(ACL_RULE)})
    several = {"ingress": [UNKNOWN, *entry(ACL)["ingress"]]}
    outcome = check(network_acl_admin_ports, ACL, several)
    assert outcome.failed == ["it"]
    assert "ingress[1]" in outcome.messages
    assert outcome.advisory
    waits(network_acl_admin_ports, ACL, {"ingress": UNKNOWN})


SERVICES = ("s3", "ecr.api", "ecr.dkr", "logs", "ssm")


def endpoints(*services: str, vpc: str = "vpc-1") -> list[Given]:
    region = "com.amazonaws.ap-southeast-2"
    return [
        Given(ENDPOINT, service, {"vpcId": vpc, "serviceName": f"{region}.{service}"})
        for service in services
    ]


def test_each_vpc_has_endpoints() -> None:
    vpc = Given(VPC, "net", {"id": "vpc-1"})
    stack_passes(vpc_endpoints, vpc, *endpoints(*SERVICES))
    for missing in SERVICES:
        given = [vpc, *endpoints(*(service for service in SERVICES if service != missing))]
        said = f"endpoint for {missing} is missing"
        stack_fails(vpc_endpoints, given, ["net"], said, spared_in_staging=True)
    given = [vpc, *endpoints(*SERVICES[1:]), *endpoints("s3", vpc="vpc-2"), *endpoints("xs3")]
    stack_fails(vpc_endpoints, given, ["net"], "for s3", spared_in_staging=True)
    stack_passes(vpc_endpoints, vpc, *endpoints("kms"), config={"services": ["kms"]})


def test_endpoints_of_a_preview() -> None:
    vpc = Given(VPC, "net", {"id": UNKNOWN})
    unknown = Given(ENDPOINT, "e", {"vpcId": UNKNOWN, "serviceName": UNKNOWN}, {"vpcId": vpc})
    stack_waits(vpc_endpoints, vpc, unknown, said="'net'")
    second = Given(VPC, "second", {"id": "vpc-9"})
    assert set(check_stack(vpc_endpoints, [vpc, second, *endpoints("s3")]).failed) == {
        "second",
        "net",
    }
