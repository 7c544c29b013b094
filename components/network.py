"""The VPC and everything that decides who may talk to whom in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from components.documents import on_behalf_of, service_trust
from components.naming import Names
from components.roles import role_with_rights
from components.settings.network import NetworkSettings

# Deployment documentation, "ECS Cluster Configuration"; the others are the protocols' own.
API_PORT: Final = 3000
POSTGRES_PORT: Final = 5432
REDIS_PORT: Final = 6379
HTTP_PORT: Final = 80
HTTPS_PORT: Final = 443

WORLD: Final = "0.0.0.0/0"

# What a task in a private subnet needs of AWS: pulling its image, writing logs, reading
# parameters and decrypting them, debug sessions, custom metrics.
INTERFACE_ENDPOINTS: Final = (
    *("ecr.api", "ecr.dkr", "logs", "ssm", "ssmmessages", "kms", "monitoring"),
)


class Group(StrEnum):
    """The security groups; the value is part of logical names."""

    LOAD_BALANCER = "load-balancer"
    API = "api"
    DATABASE = "database"
    CACHE = "cache"
    ENDPOINTS = "endpoints"


GROUP_DESCRIPTIONS: Final = {
    Group.LOAD_BALANCER: "Public load balancer of the API",
    Group.API: "Tasks of the API",
    Group.DATABASE: "PostgreSQL, for the API only",
    Group.CACHE: "Redis, for the API only",
    Group.ENDPOINTS: "Interface endpoints of AWS services",
}


class Flow(NamedTuple):
    """One permitted kind of connection; a side that is None is the internet."""

    source: Group | None
    target: Group | None
    port: int
    label: str
    description: str


# Name resolution needs no entry: security groups do not filter the VPC's own resolver.
FLOWS: Final = (
    Flow(None, Group.LOAD_BALANCER, HTTPS_PORT, "https", "Clients of the API"),
    Flow(None, Group.LOAD_BALANCER, HTTP_PORT, "http", "Clients that are redirected to HTTPS"),
    Flow(Group.LOAD_BALANCER, Group.API, API_PORT, "api", "Requests and health checks"),
    Flow(Group.API, Group.DATABASE, POSTGRES_PORT, "postgres", "Queries of the API"),
    Flow(Group.API, Group.CACHE, REDIS_PORT, "redis", "Cache and sessions of the API"),
    Flow(Group.API, Group.ENDPOINTS, HTTPS_PORT, "endpoints", "AWS services inside the VPC"),
    Flow(Group.API, None, HTTPS_PORT, "internet", "Stripe, and AWS services without an endpoint"),
)


@dataclass(frozen=True)
class NetworkArgs:
    """Inputs of `Network`.

    `log_key_arn` encrypts the flow logs: its policy must admit CloudWatch Logs for
    `names.log_group(...)`.
    """

    names: Names
    region: str
    settings: NetworkSettings
    account_id: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """`aussie-markets:network:Network`: the VPC, its ways in and out, and its flow logs.

    - `awsx.ec2.Vpc`: VPC, subnets, route tables, internet and NAT gateways.
    - `aws.ec2.DefaultSecurityGroup`: emptied, since AWS's own lets its members talk.
    - `aws.ec2.SecurityGroup` per `Group`, with one `aws.vpc.SecurityGroupIngressRule` and
      `...EgressRule` per side of each of `FLOWS`: inline rules would fight separate ones.
    - `aws.ec2.VpcEndpoint`: S3 by gateway, free and needed for image layers; by setting also
      `INTERFACE_ENDPOINTS`. They are not awsx's, which names them by service alone, so that
      two VPCs in one stack would collide.
    - `aws.cloudwatch.LogGroup`, `aws.iam.Role`, `aws.iam.RolePolicy`, `aws.ec2.FlowLog`: all
      traffic, accepted and rejected. The group goes with the stack.
    """

    vpc_id: pulumi.Output[str]
    public_subnet_ids: pulumi.Output[Sequence[str]]
    """One per availability zone, in the order of the setting; for the load balancer."""
    private_subnet_ids: pulumi.Output[Sequence[str]]
    """One per availability zone; for tasks, database and cache."""
    nat_gateway_ids: Sequence[pulumi.Output[str]]
    """None, one, or one per availability zone, as the setting says."""
    security_group_ids: dict[Group, pulumi.Output[str]]
    """Every `Group`, except ENDPOINTS where there are no interface endpoints."""
    flow_log_group_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:network:Network", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        vpc = self._vpc()
        self.vpc_id = vpc.vpc_id
        self.public_subnet_ids = vpc.public_subnet_ids
        self.private_subnet_ids = vpc.private_subnet_ids
        self.nat_gateway_ids = [
            _nat_gateway_id(vpc, index) for index in range(args.settings.nat_gateways)
        ]
        self.security_group_ids = self._security_groups()
        self._endpoints(_private_route_table_ids(vpc))
        self.flow_log_group_name = self._flow_logs()

        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "public_subnet_ids": self.public_subnet_ids,
                "private_subnet_ids": self.private_subnet_ids,
                "nat_gateway_ids": self.nat_gateway_ids,
                "security_group_ids": {
                    group.value: group_id for group, group_id in self.security_group_ids.items()
                },
                "flow_log_group_name": self.flow_log_group_name,
            }
        )

    def _vpc(self) -> awsx.ec2.Vpc:
        settings = self._args.settings
        return awsx.ec2.Vpc(
            f"{self._name_prefix}-vpc",
            cidr_block=str(settings.vpc_cidr),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            availability_zone_names=[
                f"{self._args.region}{letter}" for letter in settings.availability_zones
            ],
            # The only strategy that takes exactly these blocks and permits gaps between them.
            subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
            subnet_specs=[
                awsx.ec2.SubnetSpecArgs(
                    type=awsx.ec2.SubnetType.PUBLIC,
                    name="public",
                    cidr_blocks=[str(block) for block in settings.public_subnets],
                ),
                awsx.ec2.SubnetSpecArgs(
                    type=awsx.ec2.SubnetType.PRIVATE,
                    name="private",
                    cidr_blocks=[str(block) for block in settings.private_subnets],
                ),
            ],
            nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(
                strategy=awsx.ec2.NatGatewayStrategy(settings.nat_strategy.value)
            ),
            # Reaches VPC and internet gateway; subnets and NAT gateways keep names of their own.
            tags={"Name": self._args.names.vpc},
            opts=self._child,
        )

    def _security_groups(self) -> dict[Group, pulumi.Output[str]]:
        aws.ec2.DefaultSecurityGroup(
            f"{self._name_prefix}-default",
            vpc_id=self.vpc_id,
            ingress=[],
            egress=[],
            opts=self._child,
        )
        wanted = [
            group
            for group in Group
            if group is not Group.ENDPOINTS or self._args.settings.interface_endpoints
        ]
        ids: dict[Group, pulumi.Output[str]] = {
            group: aws.ec2.SecurityGroup(
                f"{self._name_prefix}-{group.value}",
                description=GROUP_DESCRIPTIONS[group],
                vpc_id=self.vpc_id,
                opts=self._child,
            ).id
            for group in wanted
        }
        for flow in FLOWS:
            if {flow.source, flow.target} <= {None, *ids}:
                self._permit(flow, ids)
        return ids

    def _permit(self, flow: Flow, ids: dict[Group, pulumi.Output[str]]) -> None:
        """Open both sides of a flow; the internet's side is nobody's to open."""
        if flow.source is not None:
            aws.vpc.SecurityGroupEgressRule(
                f"{self._name_prefix}-{flow.source.value}-egress-{flow.label}",
                security_group_id=ids[flow.source],
                referenced_security_group_id=ids[flow.target] if flow.target else None,
                cidr_ipv4=None if flow.target else WORLD,
                ip_protocol="tcp",
                from_port=flow.port,
                to_port=flow.port,
                description=flow.description,
                opts=self._child,
            )
        if flow.target is not None:
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name_prefix}-{flow.target.value}-ingress-{flow.label}",
                security_group_id=ids[flow.target],
                referenced_security_group_id=ids[flow.source] if flow.source else None,
                cidr_ipv4=None if flow.source else WORLD,
                ip_protocol="tcp",
                from_port=flow.port,
                to_port=flow.port,
                description=flow.description,
                opts=self._child,
            )

    def _endpoints(self, route_table_ids: pulumi.Output[list[str]]) -> None:
        services = f"com.amazonaws.{self._args.region}"
        aws.ec2.VpcEndpoint(
            f"{self._name_prefix}-endpoint-s3",
            vpc_id=self.vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=f"{services}.s3",
            route_table_ids=route_table_ids,
            opts=self._child,
        )
        if not self._args.settings.interface_endpoints:
            return
        for service in INTERFACE_ENDPOINTS:
            aws.ec2.VpcEndpoint(
                f"{self._name_prefix}-endpoint-{service.replace('.', '-')}",
                vpc_id=self.vpc_id,
                vpc_endpoint_type="Interface",
                service_name=f"{services}.{service}",
                # The SDKs find the endpoint under the service's usual name.
                private_dns_enabled=True,
                subnet_ids=self.private_subnet_ids,
                security_group_ids=[self.security_group_ids[Group.ENDPOINTS]],
                opts=self._child,
            )

    def _flow_logs(self) -> pulumi.Output[str]:
        group = aws.cloudwatch.LogGroup(
            f"{self._name_prefix}-flow-logs",
            name=self._args.names.log_group("vpc-flow-logs"),
            retention_in_days=self._args.settings.flow_log_retention_days,
            kms_key_id=self._args.log_key_arn,
            opts=self._child,
        )
        # Trust and rights: VPC user guide, "IAM role for publishing flow logs to CloudWatch
        # Logs", without the right to create groups. The conditions keep other accounts' flow
        # logs from using the role (confused deputy).
        account_id = self._args.account_id
        flow_logs = pulumi.Output.concat(
            f"arn:aws:ec2:{self._args.region}:", account_id, ":vpc-flow-log/*"
        )
        role, policy = role_with_rights(
            f"{self._name_prefix}-flow-logs",
            "Writes the VPC's flow logs",
            service_trust("vpc-flow-logs.amazonaws.com", on_behalf_of(account_id, flow_logs)),
            [
                {
                    "Effect": "Allow",
                    "Action": [
                        "logs:CreateLogStream",
                        "logs:DescribeLogGroups",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    "Resource": pulumi.Output.concat(group.arn, ":*"),
                }
            ],
            self._child,
        )
        aws.ec2.FlowLog(
            f"{self._name_prefix}-flow-logs",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            # Deliveries that come before the role's rights fail, and EC2 reports them as errors.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        return group.name


def _nat_gateway_id(vpc: awsx.ec2.Vpc, index: int) -> pulumi.Output[str]:
    return vpc.nat_gateways.apply(lambda gateways: gateways[index].id)


def _private_route_table_ids(vpc: awsx.ec2.Vpc) -> pulumi.Output[list[str]]:
    """The route tables that awsx tagged as private; unknown as a whole while one id is."""

    def ids(tables: Sequence[aws.ec2.RouteTable]) -> pulumi.Output[list[str]]:
        pairs = [pulumi.Output.all(table.id, table.tags) for table in tables]
        return pulumi.Output.all(*pairs).apply(
            lambda known: [
                table_id for table_id, tags in known if tags.get("SubnetType") == "Private"
            ]
        )

    return vpc.route_tables.apply(ids)
