"""Settings of the network."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StrictBool, ValidationInfo, field_validator

from components.settings.fields import LogRetentionDays, Problem, Section, reject

# EC2, CreateVpc and CreateSubnet: the block of either is between these sizes.
LARGEST_PREFIX: Final = 16
SMALLEST_PREFIX: Final = 28

# Application Load Balancers user guide, "Subnets for your load balancer".
LOAD_BALANCER_PREFIX: Final = 27


def _parse_network(value: object) -> IPv4Network:
    allowed = (
        f"an IPv4 network between /{LARGEST_PREFIX} and /{SMALLEST_PREFIX}, such as 10.0.0.0/16"
    )
    if isinstance(value, IPv4Network):
        network = value
    else:
        # A bare number is an address to ipaddress, and a mistake in a stack file.
        if not isinstance(value, str) or "/" not in value:
            reject(Problem(allowed))
        try:
            network = IPv4Network(value, strict=False)
        except ValueError:
            reject(Problem(allowed))
        if str(network) != value:
            reject(Problem(allowed, f"did you mean {network}?"))
    if not LARGEST_PREFIX <= network.prefixlen <= SMALLEST_PREFIX:
        reject(Problem(allowed))
    return network


def _check_zone(letter: object) -> object:
    # Every account sees at least the zones a to c of a region; f is the last letter in use.
    if letter not in tuple("abcdef"):
        reject(Problem("a zone's letter, a to f"))
    return letter


Cidr = Annotated[IPv4Network, BeforeValidator(_parse_network)]
ZoneLetter = Annotated[str, BeforeValidator(_check_zone)]


class NatStrategy(StrEnum):
    """How private subnets reach the internet; the values are those of `awsx.ec2.Vpc`."""

    NONE = "None"
    SINGLE = "Single"
    ONE_PER_AZ = "OnePerAz"


class NetworkSettings(Section):
    """The VPC. The blocks are those of the deployment documentation, "CloudFormation Templates"."""

    vpc_cidr: Cidr = Field(
        default=IPv4Network("10.0.0.0/16"), description="an IPv4 network, such as 10.0.0.0/16"
    )
    # Letters, so that another region needs no other zones. RDS and the load balancer need two.
    availability_zones: tuple[ZoneLetter, ...] = Field(
        default=("a", "b"),
        description="a list of at least two different zone letters, a to f",
    )
    public_subnets: tuple[Cidr, ...] = Field(
        default=(IPv4Network("10.0.1.0/24"), IPv4Network("10.0.2.0/24")),
        description="a list of IPv4 networks inside vpc_cidr, one per availability zone",
        validate_default=True,
    )
    private_subnets: tuple[Cidr, ...] = Field(
        default=(IPv4Network("10.0.10.0/24"), IPv4Network("10.0.20.0/24")),
        description="a list of IPv4 networks inside vpc_cidr, one per availability zone",
        validate_default=True,
    )
    nat_strategy: NatStrategy = Field(description="None, Single or OnePerAz")
    interface_endpoints: StrictBool = Field(
        description="true or false; true where nat_strategy is None"
    )
    flow_log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )

    @field_validator("availability_zones")
    @classmethod
    def _zones_differ(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        if len(zones) < 2 or len(set(zones)) != len(zones):
            reject(Problem("at least two different zone letters, such as [a, b]"))
        return zones

    @field_validator("public_subnets", "private_subnets")
    @classmethod
    def _subnets_fit(
        cls, subnets: tuple[IPv4Network, ...], info: ValidationInfo
    ) -> tuple[IPv4Network, ...]:
        # info.data holds only the fields above that are right in every respect. The public subnets
        # travel in the context too, so that one that is rejected still shows what overlaps it.
        parsed = info.context if isinstance(info.context, dict) else info.data
        parsed[str(info.field_name)] = subnets
        problems: list[Problem] = []
        zones = info.data.get("availability_zones")
        if zones is not None and len(subnets) != len(zones):
            problems.append(
                Problem(
                    "one subnet per availability zone",
                    f"subnets: {len(subnets)}, zones: {len(zones)}",
                )
            )
        vpc = info.data.get("vpc_cidr")
        public = parsed.get("public_subnets", ())
        earlier = [] if info.field_name == "public_subnets" else list(public)
        for index, subnet in enumerate(subnets):
            if vpc is not None and not subnet.subnet_of(vpc):
                problems.append(Problem("a network inside vpc_cidr", str(vpc), index))
            if info.field_name == "public_subnets" and subnet.prefixlen > LOAD_BALANCER_PREFIX:
                problems.append(
                    Problem(
                        f"at least a /{LOAD_BALANCER_PREFIX}, for the load balancer", index=index
                    )
                )
            clash = next((other for other in earlier if other.overlaps(subnet)), None)
            if clash is not None:
                problems.append(
                    Problem(
                        "a network that overlaps no other subnet", f"it overlaps {clash}", index
                    )
                )
            earlier.append(subnet)
        if problems:
            reject(*problems)
        return subnets

    @field_validator("interface_endpoints")
    @classmethod
    def _tasks_reach_aws(cls, enabled: bool, info: ValidationInfo) -> bool:
        # Without either no task could pull its image or read its secrets.
        if not enabled and info.data.get("nat_strategy") is NatStrategy.NONE:
            reject(Problem("true where nat_strategy is None"))
        return enabled

    @property
    def nat_gateways(self) -> int:
        """How many there are; each has alarms."""
        return {
            NatStrategy.NONE: 0,
            NatStrategy.SINGLE: 1,
            NatStrategy.ONE_PER_AZ: len(self.availability_zones),
        }[self.nat_strategy]
