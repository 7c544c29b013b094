"""Security group rules that let the whole internet in, in the three ways to write one."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Setting, Stack, any_of

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_LEGACY_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"

# Half of the internet twice is the internet. Nobody is given more than a /8 of IPv4 or a /16
# of IPv6, so a public network that is wider means everybody.
_WIDEST_NETWORK: Final = {4: 8, 6: 16}
_ALL_PORTS: Final = range(65536)
_TCP: Final = ("tcp", "6")
_HAVE_PORTS: Final = (*_TCP, "udp", "17")


@Rule(
    name="open-to-world",
    description=(
        "Only the load balancer is open to the world, and only on its web ports: everything else"
        " is found and attacked within minutes."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.FSBP, "EC2.18"),
        Reference(Framework.FSBP, "EC2.19"),
        Reference(Framework.CIS, "6.3"),
        Reference(Framework.CIS, "6.4"),
        Reference(Framework.CHECKOV, "CKV_AWS_24"),
        Reference(Framework.CHECKOV, "CKV_AWS_25"),
        Reference(Framework.CHECKOV, "CKV_AWS_260"),
    ),
    settings=(
        Setting(
            "publicPorts",
            "TCP ports that the world may reach on a public group",
            [80, 443],
            {"type": "array", "items": {"type": "integer"}},
        ),
        Setting(
            "publicGroups",
            "Logical names of security groups that are public before an internet-facing load"
            " balancer of the stack has them, in which * matches anything",
            ["*-load-balancer"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation=(
        "Name the security group that needs access (referencedSecurityGroupId), or its networks."
    ),
).for_stack()
def open_to_world(stack: Stack) -> None:
    for kind in (_RULE, _LEGACY_RULE, _GROUP):
        for resource in stack.owing(kind):
            for opening in _openings(resource):
                _check(opening, stack)


@dataclass(frozen=True)
class _Opening:
    """One ingress rule, however it is written; values may still be unknown."""

    resource: Checked
    path: str
    values: Mapping[str, Any]
    protocol: str
    networks: tuple[str, ...]
    """The properties that hold one network or several."""


def _openings(resource: Checked) -> Iterator[_Opening]:
    if resource.type == _RULE:
        yield _Opening(resource, "", resource.properties, "ipProtocol", ("cidrIpv4", "cidrIpv6"))
        return
    networks = ("cidrBlocks", "ipv6CidrBlocks")
    with resource.unknowns_noted():
        if resource.type == _LEGACY_RULE:
            if resource.get("type") == "ingress":
                yield _Opening(resource, "", resource.properties, "protocol", networks)
            return
        # What AWS will list there comes from separate rules, which are checked themselves.
        for index in range(len(resource.given("ingress") or ())):
            with resource.unknowns_noted():
                values = resource.get("ingress")[index]
                yield _Opening(resource, f"ingress[{index}].", values, "protocol", networks)


def _check(opening: _Opening, stack: Stack) -> None:
    for name in opening.networks:
        with opening.resource.unknowns_noted():
            value = opening.values.get(name) or ()
            if isinstance(value, str):
                _check_network(opening, name, value, stack)
                continue
            for index in range(len(value)):
                with opening.resource.unknowns_noted():
                    _check_network(opening, name, value[index], stack)


def _check_network(opening: _Opening, name: str, network: str, stack: Stack) -> None:
    resource = opening.resource
    if not _is_world(network):
        return
    protocol = str(opening.values.get(opening.protocol)).lower()
    ports = _ports(opening, protocol)
    public = resource.setting("publicPorts")
    # A range is measured and not compared: 0-65535 and 79-81 contain 80 too.
    web_only = protocol in _TCP and len(ports) > 0 and all(port in public for port in ports)
    if web_only and _is_public(resource, stack):
        return
    resource.fails(
        f"{opening.path}{name}",
        seen=f"{network} on {_described(protocol, ports)}",
        wanted=f"at most TCP {', '.join(f'{port:g}' for port in public)} of the public load"
        " balancer's security group",
    )


def _is_world(cidr: str) -> bool:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False  # AWS refuses it
    return network.prefixlen < _WIDEST_NETWORK[network.version]


def _ports(opening: _Opening, protocol: str) -> range:
    """All that the rule opens; a missing or negative bound means every port."""
    first, last = opening.values.get("fromPort"), opening.values.get("toPort")
    if protocol not in _HAVE_PORTS or first is None or last is None or min(first, last) < 0:
        return _ALL_PORTS
    return range(int(first), int(last) + 1)


def _described(protocol: str, ports: range) -> str:
    if protocol in ("-1", "all"):
        return "every port of every protocol"
    if ports == _ALL_PORTS:
        return f"all of {protocol}"
    return f"{protocol} {ports.start}" + (f"-{ports.stop - 1}" if len(ports) != 1 else "")


def _is_public(resource: Checked, stack: Stack) -> bool:
    """Whether the rule's group belongs to a load balancer that faces the internet."""
    groups = (
        [resource]
        if resource.type == _GROUP
        else [g for g in stack.all(_GROUP) if resource.refers_to("securityGroupId", g)]
    )
    names = resource.setting("publicGroups")
    return any(
        any(fnmatchcase(group.name, name) for name in names) or _is_exposed(group, stack)
        for group in groups
    )


def _is_exposed(group: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(_LOAD_BALANCER),
        lambda balancer: (
            balancer.depends_on("securityGroups", group) and balancer.get("internal") is not True
        ),
    )
