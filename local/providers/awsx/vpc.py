"""`awsx:ec2:Vpc` as awsx 3.11 builds it from explicit CIDR blocks.

Source of every name, tag, parent and dependency: github.com/pulumi/pulumi-awsx,
`awsx/ec2/vpc.ts` and `awsx/ec2/subnetDistributorNew.ts`; measured in `tests/local/recordings/`.
"""

import ipaddress
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

import pulumi
from pulumi.output import Unknown
from pulumi_aws import ec2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

TYPE: Final = "awsx:ec2:Vpc"
_EVERYWHERE: Final = "0.0.0.0/0"


class SubnetType(StrEnum):
    """In the order in which awsx makes them within a zone: NAT gateways before their users."""

    PUBLIC = "Public"
    PRIVATE = "Private"
    ISOLATED = "Isolated"


class NatStrategy(StrEnum):
    NONE = "None"
    SINGLE = "Single"
    ONE_PER_AZ = "OnePerAz"


def _plain(value: Any) -> Any:
    if isinstance(value, pulumi.Output | Unknown):
        raise ValueError("must be a plain value, since it decides which resources there are")
    return value


class _Arguments(BaseModel):
    """Refuses what it does not list: an argument that is ignored would be a wrong VPC."""

    model_config = ConfigDict(
        alias_generator=to_camel, arbitrary_types_allowed=True, extra="forbid", frozen=True
    )


class NatGateways(_Arguments):
    strategy: Annotated[NatStrategy, BeforeValidator(_plain)]


class SubnetSpec(_Arguments):
    type: Annotated[SubnetType, BeforeValidator(_plain)]
    cidr_blocks: Annotated[list[str], BeforeValidator(_plain)]
    name: str | None = None

    def subnet_name(self, vpc_name: str, zone_number: int) -> str:
        return f"{vpc_name}-{self.name or self.type.lower()}-{zone_number}"


class VpcArgs(_Arguments):
    """The arguments of the real component that this one knows; names as on the wire."""

    cidr_block: Any
    """A string, or an output of one."""
    availability_zone_names: Annotated[list[str], BeforeValidator(_plain), Field(min_length=1)]
    subnet_specs: Annotated[list[SubnetSpec], BeforeValidator(_plain), Field(min_length=1)]
    subnet_strategy: Annotated[Literal["Auto"], BeforeValidator(_plain)]
    """The others compute blocks; the real default, `Legacy`, silently ignores given ones."""
    nat_gateways: Annotated[NatGateways, BeforeValidator(_plain)] = NatGateways(
        strategy=NatStrategy.ONE_PER_AZ
    )
    enable_dns_hostnames: Any = None
    enable_dns_support: Any = None
    tags: Any = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        zones = len(self.availability_zone_names)
        for index, spec in enumerate(self.subnet_specs):
            if len(spec.cidr_blocks) != zones:
                raise ValueError(
                    f"the number of CIDR blocks in subnetSpecs[{index}] must match the number of"
                    f" availability zones ({zones})"
                )
        blocks = [
            ipaddress.IPv4Network(block) for spec in self.subnet_specs for block in spec.cidr_blocks
        ]
        for one, other in itertools.combinations(blocks, 2):
            if one.overlaps(other):
                raise ValueError(f"the subnets {one} and {other} overlap")
        types = {spec.type for spec in self.subnet_specs}
        if self.nat_gateways.strategy is not NatStrategy.NONE and not (
            {SubnetType.PUBLIC, SubnetType.PRIVATE} <= types
        ):
            raise ValueError(
                "natGateways.strategy Single and OnePerAz need both public and private subnets"
            )
        return self

    def tags_with(self, *, before: Mapping[str, str], after: Mapping[str, str]) -> Any:
        """The component's tags over `before` and under `after`, as each kind of child wants."""
        if isinstance(self.tags, pulumi.Output | Unknown):
            tags: pulumi.Output[Any] = pulumi.Output.from_input(self.tags)
            return tags.apply(lambda known: {**before, **(known or {}), **after})
        return {**before, **(self.tags or {}), **after}


@dataclass
class _Children:
    """In order of creation, as the component's outputs list them."""

    subnets: dict[SubnetType, list[ec2.Subnet]] = field(
        default_factory=lambda: {kind: [] for kind in SubnetType}
    )
    all_subnets: list[ec2.Subnet] = field(default_factory=list)
    route_tables: list[ec2.RouteTable] = field(default_factory=list)
    associations: list[ec2.RouteTableAssociation] = field(default_factory=list)
    routes: list[ec2.Route] = field(default_factory=list)
    eips: list[ec2.Eip] = field(default_factory=list)
    nat_gateways: list[ec2.NatGateway] = field(default_factory=list)


class Vpc(pulumi.ComponentResource):
    """`awsx:ec2:Vpc`.

    - `aws.ec2.Vpc`, and under it `aws.ec2.InternetGateway` and each `aws.ec2.Subnet`.
    - Under a subnet its `aws.ec2.RouteTable`, and under that the association and the route.
    - Under a public subnet, as the strategy says, `aws.ec2.Eip` and `aws.ec2.NatGateway`.
    """

    outputs: dict[str, Any]
    """The component's outputs, by the names of awsx's schema."""

    def __init__(
        self, name: str, args: VpcArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(TYPE, name, {}, opts)
        self._vpc_name = name
        self._args = args
        shared_tags = args.tags_with(before={"Name": name}, after={})
        self._vpc = ec2.Vpc(
            name,
            cidr_block=args.cidr_block,
            enable_dns_hostnames=args.enable_dns_hostnames,
            enable_dns_support=args.enable_dns_support,
            tags=shared_tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._internet_gateway = ec2.InternetGateway(
            name, vpc_id=self._vpc.id, tags=shared_tags, opts=_under(self._vpc)
        )
        self._children = _Children()
        for zone_index in range(len(args.availability_zone_names)):
            for spec in sorted(args.subnet_specs, key=lambda s: list(SubnetType).index(s.type)):
                self._subnet(zone_index, spec)
        self.outputs = self._outputs()
        self.register_outputs(self.outputs)

    def _subnet(self, zone_index: int, spec: SubnetSpec) -> None:
        name = spec.subnet_name(self._vpc_name, zone_index + 1)
        own_tags = {"Name": name, "SubnetType": spec.type.value}
        subnet = ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            availability_zone=self._args.availability_zone_names[zone_index],
            cidr_block=spec.cidr_blocks[zone_index],
            map_public_ip_on_launch=spec.type is SubnetType.PUBLIC,
            assign_ipv6_address_on_creation=False,
            tags=self._args.tags_with(before={}, after=own_tags),
            opts=_under(self._vpc),
        )
        table = ec2.RouteTable(
            name,
            vpc_id=self._vpc.id,
            tags=self._args.tags_with(before={}, after=own_tags),
            opts=_under(subnet),
        )
        association = ec2.RouteTableAssociation(
            name, route_table_id=table.id, subnet_id=subnet.id, opts=_under(table)
        )
        self._children.subnets[spec.type].append(subnet)
        self._children.all_subnets.append(subnet)
        self._children.route_tables.append(table)
        self._children.associations.append(association)
        if spec.type is SubnetType.PUBLIC:
            self._nat_gateway(zone_index, subnet)
        self._route(zone_index, spec.type, name, table)

    def _nat_gateway(self, zone_index: int, subnet: ec2.Subnet) -> None:
        wanted = {
            NatStrategy.NONE: 0,
            NatStrategy.SINGLE: 1,
            NatStrategy.ONE_PER_AZ: zone_index + 1,
        }[self._args.nat_gateways.strategy]
        if len(self._children.nat_gateways) >= wanted:
            return
        name = f"{self._vpc_name}-{zone_index + 1}"
        tags = self._args.tags_with(before={}, after={"Name": name})
        eip = ec2.Eip(name, tags=tags, opts=_under(subnet))
        self._children.eips.append(eip)
        self._children.nat_gateways.append(
            ec2.NatGateway(
                name,
                subnet_id=subnet.id,
                allocation_id=eip.allocation_id,
                tags=tags,
                opts=_under(subnet),
            )
        )

    def _route(self, zone_index: int, kind: SubnetType, name: str, table: ec2.RouteTable) -> None:
        gateways = self._children.nat_gateways
        internet: pulumi.Output[str] | None = None
        nat: pulumi.Output[str] | None = None
        if kind is SubnetType.PUBLIC:
            internet = self._internet_gateway.id
        elif kind is SubnetType.PRIVATE and gateways:
            single = self._args.nat_gateways.strategy is NatStrategy.SINGLE
            nat = gateways[0 if single else zone_index].id
        else:
            return
        self._children.routes.append(
            ec2.Route(
                name,
                route_table_id=table.id,
                destination_cidr_block=_EVERYWHERE,
                gateway_id=internet,
                nat_gateway_id=nat,
                opts=_under(table),
            )
        )

    def _outputs(self) -> dict[str, Any]:
        children = self._children
        by_type = children.subnets
        return {
            "vpc": self._vpc,
            "vpcId": self._vpc.id,
            "internetGateway": self._internet_gateway,
            "subnets": children.all_subnets,
            "publicSubnets": by_type[SubnetType.PUBLIC],
            "privateSubnets": by_type[SubnetType.PRIVATE],
            "isolatedSubnets": by_type[SubnetType.ISOLATED],
            "publicSubnetIds": _ids(by_type[SubnetType.PUBLIC]),
            "privateSubnetIds": _ids(by_type[SubnetType.PRIVATE]),
            "isolatedSubnetIds": _ids(by_type[SubnetType.ISOLATED]),
            "routeTables": children.route_tables,
            "routeTableAssociations": children.associations,
            "routes": children.routes,
            "eips": children.eips,
            "natGateways": children.nat_gateways,
            "vpcEndpoints": [],
            "subnetLayout": [
                spec.model_dump(mode="json", by_alias=True, exclude_none=True)
                for spec in self._args.subnet_specs
            ],
        }


def _under(resource: pulumi.Resource) -> pulumi.ResourceOptions:
    """awsx makes each child depend on its parent, so that a preview orders them too."""
    return pulumi.ResourceOptions(parent=resource, depends_on=[resource])


def _ids(subnets: Sequence[ec2.Subnet]) -> list[pulumi.Output[str]]:
    return [subnet.id for subnet in subnets]
