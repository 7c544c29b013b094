"""What security groups permit, in the three ways to write it."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from .kinds import SECURITY_GROUP
from .rule import Checked, Stack

INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LEGACY_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"

# Half of the internet twice is the internet. Nobody is given more than a /8 of IPv4 or a /16
# of IPv6, so a public network that is wider means everybody.
_WIDEST_NETWORK: Final = {4: 8, 6: 16}
_LAST_PORT: Final = 65535
_ALL_PORTS: Final = range(_LAST_PORT + 1)
TCP: Final = ("tcp", "6")
_HAVE_PORTS: Final = (*TCP, "udp", "17")
_EVERY_PROTOCOL: Final = ("-1", "all")


class Direction(Enum):
    """Which way a rule opens; the value is the inline property, and the legacy rule's type."""

    INGRESS = "ingress"
    EGRESS = "egress"


_RULES: Final = {Direction.INGRESS: INGRESS_RULE, Direction.EGRESS: EGRESS_RULE}


@dataclass(frozen=True)
class Opening:
    """One rule, however it is written; values may still be unknown."""

    resource: Checked
    path: str
    values: Mapping[str, Any]

    def networks(self) -> Iterator[tuple[str, str]]:
        """Each network with the name of its property; unknown ones are noted."""
        separate = ("cidrIpv4", "cidrIpv6")
        for name in separate if self._is_separate else ("cidrBlocks", "ipv6CidrBlocks"):
            with self.resource.unknowns_noted():
                value = self.values.get(name) or ()
                if isinstance(value, str):
                    yield name, value
                    continue
                for index in range(len(value)):
                    with self.resource.unknowns_noted():
                        yield name, value[index]

    def protocol(self) -> str:
        name = "ipProtocol" if self._is_separate else "protocol"
        return str(self.values.get(name)).lower()

    def ports(self) -> range:
        """All that the rule opens; a missing or negative bound means every port."""
        first, last = self.values.get("fromPort"), self.values.get("toPort")
        if (
            self.protocol() not in _HAVE_PORTS
            or first is None
            or last is None
            or min(first, last) < 0
        ):
            return _ALL_PORTS
        return range(int(first), int(last) + 1)

    def opens_every_protocol(self) -> bool:
        return self.protocol() in _EVERY_PROTOCOL

    def opens_every_port(self) -> bool:
        """Of TCP or UDP; with or without port 0, which nothing uses."""
        ports = self.ports()
        return self.protocol() in _HAVE_PORTS and ports.start <= 1 and ports.stop > _LAST_PORT

    def described(self) -> str:
        protocol, ports = self.protocol(), self.ports()
        if self.opens_every_protocol():
            return "every port of every protocol"
        if ports == _ALL_PORTS:
            return f"all of {protocol}"
        return f"{protocol} {ports.start}" + (f"-{ports.stop - 1}" if len(ports) != 1 else "")

    def is_of(self, group: Checked) -> bool:
        """Whether it is a rule of that security group."""
        if self.resource.type == SECURITY_GROUP:
            return self.resource.urn == group.urn
        return self.resource.refers_to("securityGroupId", group)

    @property
    def _is_separate(self) -> bool:
        return self.resource.type in _RULES.values()


def openings(stack: Stack, direction: Direction) -> Iterator[Opening]:
    """All rules of one direction that no exemption spares."""
    for kind in (_RULES[direction], LEGACY_RULE, SECURITY_GROUP):
        for resource in stack.owing(kind):
            yield from _openings_of(resource, direction)


def _openings_of(resource: Checked, direction: Direction) -> Iterator[Opening]:
    if resource.type == _RULES[direction]:
        yield Opening(resource, "", resource.properties)
        return
    with resource.unknowns_noted():
        if resource.type == LEGACY_RULE:
            if resource.get("type") == direction.value:
                yield Opening(resource, "", resource.properties)
            return
        # What AWS will list there comes from separate rules, which are checked themselves.
        for index in range(len(resource.given(direction.value) or ())):
            with resource.unknowns_noted():
                values = resource.get(direction.value)[index]
                yield Opening(resource, f"{direction.value}[{index}].", values)


def is_world(cidr: str) -> bool:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False  # AWS refuses it
    return network.prefixlen < _WIDEST_NETWORK[network.version]
