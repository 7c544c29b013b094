"""Security group rules that let the whole internet in, or everything out to it."""

from fnmatch import fnmatchcase
from typing import Final

from pulumi_policy import Severity

from .kinds import LOAD_BALANCERS, SECURITY_GROUP, all_of
from .openings import TCP, Direction, Opening, is_world, openings
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_PUBLIC_PORTS: Final = Setting(
    "publicPorts",
    "TCP ports that the world may reach on a public group",
    [80, 443],
    {"type": "array", "items": {"type": "integer"}},
)


@Rule(
    name="open-to-world",
    description=(
        "Only the load balancer is open to the world, and only on its web ports: everything else"
        " is found and attacked within minutes."
    ),
    severity=Severity.CRITICAL,
    references=(
        Reference(Framework.FSBP, "EC2.18"),
        Reference(Framework.FSBP, "EC2.13"),
        Reference(Framework.FSBP, "EC2.14"),
        Reference(Framework.FSBP, "EC2.19"),
        Reference(Framework.CIS, "6.3"),
        Reference(Framework.CIS, "6.4"),
        Reference(Framework.CHECKOV, "CKV_AWS_24"),
        Reference(Framework.CHECKOV, "CKV_AWS_25"),
        Reference(Framework.CHECKOV, "CKV_AWS_260"),
    ),
    settings=(
        _PUBLIC_PORTS,
        Setting(
            "publicGroups",
            "Logical names of security groups that are public in a stack without any load"
            " balancer, in which * matches anything; where there is one, the groups of those"
            " that face the internet are public, and no others",
            ["*-load-balancer"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation=(
        "Name the security group that needs access (referencedSecurityGroupId), or its networks."
    ),
).for_stack()
def open_to_world(stack: Stack) -> None:
    for opening in openings(stack, Direction.INGRESS):
        for name, network in opening.networks():
            with opening.resource.unknowns_noted():
                if is_world(network):
                    _check_world(opening, name, network, stack)


def _check_world(opening: Opening, name: str, network: str, stack: Stack) -> None:
    ports, public = opening.ports(), opening.resource.setting("publicPorts")
    # A range is measured and not compared: 0-65535 and 79-81 contain 80 too.
    web_only = (
        opening.protocol() in TCP and len(ports) > 0 and all(port in public for port in ports)
    )
    if web_only and _is_public(opening, stack):
        return
    opening.resource.fails(
        f"{opening.path}{name}",
        seen=f"{network} on {opening.described()}",
        wanted=f"at most TCP {', '.join(f'{port:g}' for port in public)} of the security group"
        " of a load balancer that faces the internet",
    )


def _is_public(opening: Opening, stack: Stack) -> bool:
    """Whether the rule's group belongs to a load balancer that faces the internet."""
    balancers = all_of(stack, LOAD_BALANCERS)
    names = opening.resource.setting("publicGroups")

    def is_public(group: Checked) -> bool:
        if not balancers:
            return any(fnmatchcase(group.name, name) for name in names)
        return any_of(
            balancers,
            lambda balancer: (
                balancer.holds("securityGroups", group) and balancer.given("internal") is not True
            ),
        )

    return any_of(
        stack.all(SECURITY_GROUP), lambda group: opening.is_of(group) and is_public(group)
    )


@Rule(
    name="egress-not-everything",
    description=(
        "No security group of production may send everything to the whole internet: an intruder"
        " needs a way out for the data, and a named port is the least hindrance."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_382"),),
    remediation="Name the protocol and the ports that are needed, TCP 443 for example.",
).for_stack()
def egress_not_everything(stack: Stack) -> None:
    for opening in openings(stack, Direction.EGRESS):
        for name, network in opening.networks():
            with opening.resource.unknowns_noted():
                if is_world(network) and (
                    opening.opens_every_protocol() or opening.opens_every_port()
                ):
                    opening.resource.fails(
                        f"{opening.path}{name}",
                        seen=f"{network} on {opening.described()}",
                        wanted="the protocol and ports that are needed",
                    )
