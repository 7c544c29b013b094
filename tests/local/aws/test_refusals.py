"""What AWS refuses is refused at preview, naming the property and AWS's reason."""

import json
from typing import Any

import pytest

from local.providers.aws.values import UNKNOWN
from tests.local.aws.conftest import MakeOperations

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
KEY = "aws:kms/key:Key"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def policy(*actions: str, principal: object = None) -> str:
    statement: dict[str, object] = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    if principal is not None:
        statement["Principal"] = principal
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/99"}, "cidrBlock", "is not a 'ipv4-network'"),
        (VPC, {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "between /16 and /28"),
        (VPC, {"cidrBlock": "10.0.0.0/29"}, "cidrBlock", "between /16 and /28"),
        (LOG_GROUP, {"retentionInDays": 2555}, "retentionInDays", "2555 is not one of"),
        (LOG_GROUP, {"name": "x" * 513}, "name", "longer than 512"),
        (ROLE, {"name": "x" * 65, "assumeRolePolicy": UNKNOWN}, "name", "longer than 64"),
        (
            ROLE_POLICY,
            {"role": "r", "policy": policy("elbv2:*")},
            "policy.Statement.0.Action",
            "'elbv2' is not one of the",
        ),
        (KEY, {"deletionWindowInDays": 3}, "deletionWindowInDays", "less than the minimum of 7"),
        (
            KEY,
            {"policy": policy("kms:Decrypt", principal={"AWS": "arn:aws:iam::123456789012:root"})},
            "policy",
            "will not allow you to update the key policy",
        ),
        (
            INGRESS,
            {
                "securityGroupId": UNKNOWN,
                "ipProtocol": "tcp",
                "fromPort": 0,
                "toPort": 70000,
                "cidrIpv4": "10.0.0.0/8",
            },
            "toPort",
            "a port is between 0 and 65535",
        ),
        (VPC, {"cidrBlock": "10.0.0.0/16", "cidrBlok": "x"}, "cidrBlok", "no such property"),
        (
            SUBNET,
            {"vpcId": UNKNOWN, "cidrBlock": "10.0.1.0/24", "enableDns64": True},
            "enableDns64",
            "the local cloud cannot set this property yet",
        ),
        (
            "aws:ec2/route:Route",
            {"routeTableId": UNKNOWN, "destinationIpv6CidrBlock": "::/0", "gatewayId": UNKNOWN},
            "destinationCidrBlock",
            "IPv4 blocks only",
        ),
        (
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
            {"vpcId": UNKNOWN, "ingress": [{"protocol": "-1"}]},
            "ingress",
            "only empties a default group",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: dict[str, Any], where: str, reason: str
) -> None:
    subject = operations(token)
    refusals = list(subject.refusals(subject.check("name", {}, properties, b"seed")))
    assert any(place == where and reason in text for place, text in refusals), refusals
    assert {place.split(".")[0] for place, _ in refusals} == {where.split(".")[0]}
    assert all(len(text) < 300 for _, text in refusals)


def test_a_made_name_over_the_limit_is_refused_with_its_excess(operations: MakeOperations) -> None:
    role = operations(ROLE)
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
    inputs = role.check("r" * 57, {}, {"assumeRolePolicy": trust}, b"seed")
    ((where, reason),) = role.refusals(inputs)
    assert where == "name"
    assert "1 characters over AWS's 64" in reason
    assert not list(role.refusals(role.check("r" * 56, {}, {"assumeRolePolicy": trust}, b"s")))


def test_what_is_unknown_is_not_refused(operations: MakeOperations) -> None:
    subnet = operations(SUBNET)
    properties = {
        "vpcId": UNKNOWN,
        "cidrBlock": UNKNOWN,
        "availabilityZone": UNKNOWN,
        "mapPublicIpOnLaunch": UNKNOWN,
        "tags": {"Name": UNKNOWN},
    }
    assert list(subnet.refusals(subnet.check("s", {}, properties, b"seed"))) == []


def test_one_unknown_does_not_hide_another_mistake(operations: MakeOperations) -> None:
    log_group = operations(LOG_GROUP)
    inputs = log_group.check("l", {}, {"kmsKeyId": UNKNOWN, "retentionInDays": 2555}, b"seed")
    assert [where for where, _ in log_group.refusals(inputs)] == ["retentionInDays"]


def test_outputs_before_creation_are_unknown_unless_the_program_sets_them(
    operations: MakeOperations,
) -> None:
    outputs = operations(SUBNET).preview({"cidrBlock": "10.0.1.0/24", "vpcId": UNKNOWN})
    assert outputs["arn"] is UNKNOWN
    assert outputs["vpcId"] is UNKNOWN
    assert outputs["cidrBlock"] == "10.0.1.0/24"


def test_outputs_before_an_update_are_those_of_the_state(operations: MakeOperations) -> None:
    outputs = operations(SUBNET).preview({"cidrBlock": "10.0.1.0/24"}, {"arn": "arn:known"})
    assert outputs["arn"] == "arn:known"
