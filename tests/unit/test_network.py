"""The network's exact inputs, options and counts."""

import json
from typing import Any

import pulumi
import pytest

from components.naming import Names
from components.network import FLOWS, Group, Network, NetworkArgs
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy, settings_of

NETWORK = "aussie-markets:network:Network"
VPC = "awsx:ec2:Vpc"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])


@RunOnce
def network(
    stack: str = "staging", values: dict[str, Any] | None = None, *, preview: bool = False
) -> Deployment:
    settings = settings_of(stack, values)

    def program() -> None:
        Network(
            "net",
            NetworkArgs(
                names=Names(settings.environment),
                region=settings.stack.region,
                settings=settings.network,
                account_id=ACCOUNT_ID,
                log_key_arn="arn:key",
            ),
        )

    return deploy(program, stack, preview=preview)


STAGING_COUNTS = {
    NETWORK: 1,
    VPC: 1,
    DEFAULT_GROUP: 1,
    GROUP: 4,
    INGRESS: 5,
    EGRESS: 4,
    ENDPOINT: 1,
    LOG_GROUP: 1,
    ROLE: 1,
    ROLE_POLICY: 1,
    FLOW_LOG: 1,
}
PRODUCTION_COUNTS = STAGING_COUNTS | {GROUP: 5, INGRESS: 6, EGRESS: 5, ENDPOINT: 8}


@pytest.mark.parametrize("preview", [False, True])
def test_counts_do_not_depend_on_what_aws_answers(preview: bool) -> None:
    assert network("staging", preview=preview).counts() == STAGING_COUNTS
    assert network("production", preview=preview).counts() == PRODUCTION_COUNTS


@BOTH
def test_every_child_has_the_network_as_parent_and_its_name_as_prefix(stack: str) -> None:
    deployment = network(stack)
    component = deployment.only(NETWORK)
    children = [r for r in deployment.resources if r is not component]
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("net-")
        assert not child.protect
        assert not child.retain_on_delete
        assert not child.delete_before_replace
        assert child.ignore_changes == ()
        assert child.aliases == ()


@pytest.mark.parametrize(("stack", "nat"), [("staging", "Single"), ("production", "OnePerAz")])
def test_the_vpc_as_documented(stack: str, nat: str) -> None:
    vpc = network(stack).only(VPC)
    assert vpc.name == "net-vpc"
    assert vpc.inputs == {
        "cidrBlock": "10.0.0.0/16",
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "availabilityZoneNames": ["ap-southeast-2a", "ap-southeast-2b"],
        "subnetStrategy": "Auto",
        "subnetSpecs": [
            {"type": "Public", "name": "public", "cidrBlocks": ["10.0.1.0/24", "10.0.2.0/24"]},
            {"type": "Private", "name": "private", "cidrBlocks": ["10.0.10.0/24", "10.0.20.0/24"]},
        ],
        "natGateways": {"strategy": nat},
        "tags": {"Name": f"aussie-markets-vpc-{stack}"},
    }


@BOTH
def test_the_default_group_is_emptied(stack: str) -> None:
    assert network(stack).only(DEFAULT_GROUP).inputs == {
        "vpcId": "net-vpc-vpc-id",
        "ingress": [],
        "egress": [],
    }


@BOTH
def test_groups_have_no_inline_rules_and_no_fixed_names(stack: str) -> None:
    for group in network(stack).of(GROUP).values():
        assert group.inputs.keys() == {"description", "vpcId"}


def rules(deployment: Deployment) -> set[tuple[str, str, str, int]]:
    """Direction, own group, peer, port; after checking what all rules share."""
    found = set()
    for direction, type_ in (("in", INGRESS), ("out", EGRESS)):
        for rule in deployment.of(type_).values():
            inputs = dict(rule.inputs)
            assert inputs.pop("description")
            assert inputs.pop("ipProtocol") == "tcp"
            port = int(inputs.pop("fromPort"))
            assert inputs.pop("toPort") == port
            own = inputs.pop("securityGroupId")
            (peer,) = inputs.values()
            assert inputs.keys() <= {"cidrIpv4", "referencedSecurityGroupId"}
            found.add((direction, own, peer, port))
    return found


STAGING_RULES = {
    ("in", "net-load-balancer-id", "0.0.0.0/0", 443),
    ("in", "net-load-balancer-id", "0.0.0.0/0", 80),
    ("out", "net-load-balancer-id", "net-api-id", 3000),
    ("in", "net-api-id", "net-load-balancer-id", 3000),
    ("out", "net-api-id", "net-database-id", 5432),
    ("in", "net-database-id", "net-api-id", 5432),
    ("out", "net-api-id", "net-cache-id", 6379),
    ("in", "net-cache-id", "net-api-id", 6379),
    ("out", "net-api-id", "0.0.0.0/0", 443),
}
PRODUCTION_RULES = STAGING_RULES | {
    ("out", "net-api-id", "net-endpoints-id", 443),
    ("in", "net-endpoints-id", "net-api-id", 443),
}


def test_only_these_connections_are_possible() -> None:
    assert rules(network("staging")) == STAGING_RULES
    assert rules(network("production")) == PRODUCTION_RULES


def test_names_of_rules_cannot_collide() -> None:
    sides = [
        *((flow.source, "out", flow.label) for flow in FLOWS if flow.source),
        *((flow.target, "in", flow.label) for flow in FLOWS if flow.target),
    ]
    assert len(set(sides)) == len(sides)


@BOTH
def test_s3_is_reached_from_every_private_route_table_and_from_no_other(stack: str) -> None:
    assert network(stack).of(ENDPOINT)["net-endpoint-s3"].inputs == {
        "vpcId": "net-vpc-vpc-id",
        "vpcEndpointType": "Gateway",
        "serviceName": "com.amazonaws.ap-southeast-2.s3",
        "routeTableIds": [
            "net-vpc-private-1-route-table-id",
            "net-vpc-private-2-route-table-id",
        ],
    }


def test_interface_endpoints_of_production() -> None:
    endpoints = network("production").of(ENDPOINT)
    del endpoints["net-endpoint-s3"]
    for service in ("ecr.api", "ecr.dkr", "logs", "ssm", "ssmmessages", "kms", "monitoring"):
        assert endpoints.pop(f"net-endpoint-{service.replace('.', '-')}").inputs == {
            "vpcId": "net-vpc-vpc-id",
            "vpcEndpointType": "Interface",
            "serviceName": f"com.amazonaws.ap-southeast-2.{service}",
            "privateDnsEnabled": True,
            "subnetIds": ["net-vpc-private-1-subnet-id", "net-vpc-private-2-subnet-id"],
            "securityGroupIds": ["net-endpoints-id"],
        }
    assert endpoints == {}


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_flow_logs_are_encrypted_kept_and_written_by_a_role_of_their_own(
    stack: str, days: int
) -> None:
    deployment = network(stack)
    assert deployment.only(LOG_GROUP).inputs == {
        "name": f"/aussie-markets/{stack}/vpc-flow-logs",
        "retentionInDays": days,
        "kmsKeyId": "arn:key",
    }
    assert deployment.only(FLOW_LOG).inputs == {
        "vpcId": "net-vpc-vpc-id",
        "trafficType": "ALL",
        "logDestinationType": "cloud-watch-logs",
        "logDestination": "arn:aws:mock:::log-group/net-flow-logs-arn",
        "iamRoleArn": "arn:aws:mock:::role/net-flow-logs-arn",
    }
    assert deployment.only(ROLE_POLICY).urn in deployment.only(FLOW_LOG).depends_on

    trust = json.loads(deployment.only(ROLE).inputs["assumeRolePolicy"])
    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
                "ArnLike": {
                    "aws:SourceArn": f"arn:aws:ec2:ap-southeast-2:{ACCOUNT_ID}:vpc-flow-log/*"
                },
            },
        }
    ]
    policy = deployment.only(ROLE_POLICY)
    assert policy.inputs["role"] == "net-flow-logs-a1b2c3d"
    assert json.loads(policy.inputs["policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": "arn:aws:mock:::log-group/net-flow-logs-arn:*",
        }
    ]


def test_registered_outputs() -> None:
    deployment = network("production")
    assert deployment.outputs[deployment.only(NETWORK).urn] == {
        "vpc_id": "net-vpc-vpc-id",
        "public_subnet_ids": ["net-vpc-public-1-subnet-id", "net-vpc-public-2-subnet-id"],
        "private_subnet_ids": ["net-vpc-private-1-subnet-id", "net-vpc-private-2-subnet-id"],
        "nat_gateway_ids": ["net-vpc-1-nat-gateway-id", "net-vpc-2-nat-gateway-id"],
        "security_group_ids": {group.value: f"net-{group.value}-id" for group in Group},
        "flow_log_group_name": "/aussie-markets/production/vpc-flow-logs",
    }


def test_three_zones_in_another_region() -> None:
    deployment = network(
        "melbourne",
        {
            "stack": {"region": "ap-southeast-4"},
            "network": {
                "vpc_cidr": "10.8.0.0/20",
                "availability_zones": ["a", "b", "c"],
                "public_subnets": ["10.8.0.0/26", "10.8.0.64/26", "10.8.0.128/26"],
                "private_subnets": ["10.8.4.0/24", "10.8.5.0/24", "10.8.6.0/24"],
            },
        },
    )
    vpc = deployment.only(VPC).inputs
    assert vpc["availabilityZoneNames"] == [f"ap-southeast-4{letter}" for letter in "abc"]
    assert vpc["subnetSpecs"][1]["cidrBlocks"] == ["10.8.4.0/24", "10.8.5.0/24", "10.8.6.0/24"]
    assert vpc["tags"] == {"Name": "aussie-markets-vpc-melbourne"}
    assert deployment.counts() == PRODUCTION_COUNTS
    endpoints = deployment.of(ENDPOINT)
    assert len(endpoints["net-endpoint-s3"].inputs["routeTableIds"]) == 3
    for endpoint in endpoints.values():
        assert endpoint.inputs["serviceName"].startswith("com.amazonaws.ap-southeast-4.")
    trust = deployment.only(ROLE).inputs["assumeRolePolicy"]
    assert "arn:aws:ec2:ap-southeast-4:" in trust
    assert "ap-southeast-2" not in trust


def test_two_networks_in_one_stack() -> None:
    settings = settings_of("production")

    def program() -> None:
        for name in ("one", "two"):
            Network(
                name,
                NetworkArgs(Names(name), "ap-southeast-2", settings.network, ACCOUNT_ID, "arn:key"),
            )

    deployment = deploy(program)
    assert deployment.counts() == {type_: 2 * n for type_, n in PRODUCTION_COUNTS.items()}
    urns = [resource.urn for resource in deployment.resources]
    assert len(set(urns)) == len(urns)


def test_protection_arrives_by_inheritance() -> None:
    settings = settings_of("staging")

    def program() -> None:
        Network(
            "net",
            NetworkArgs(Names("x1"), "ap-southeast-2", settings.network, ACCOUNT_ID, "arn:key"),
            pulumi.ResourceOptions(protect=True),
        )

    assert all(resource.protect for resource in deploy(program).resources)
