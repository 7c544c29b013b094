"""Subnets, their access lists, and the ways from them to AWS's services."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_policy import Severity

from .openings import TCP, is_world
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_ACL_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
_LARGEST_PORT: Final = 65535
_EVERY_PROTOCOL: Final = ("-1", "all")


@Rule(
    name="subnet-no-public-addresses",
    description=(
        "Subnets give no public addresses by themselves: what should not be reached from the"
        " internet has none."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "EC2.15"),
        Reference(Framework.CHECKOV, "CKV_AWS_130"),
    ),
    remediation="Set mapPublicIpOnLaunch to false.",
    exemptions={
        "*-public-*": "Public subnets give public addresses, as the deployment documentation asks;"
        " only the load balancer and NAT gateways stand there"
    },
).for_each("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
def subnet_no_public_addresses(subnet: Checked) -> None:
    if subnet.get("mapPublicIpOnLaunch"):
        subnet.fails("mapPublicIpOnLaunch", seen="true", wanted="false")


@Rule(
    name="network-acl-admin-ports",
    description=(
        "No network access list lets the whole internet at ports for administration: servers that"
        " answer there are attacked within minutes."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "EC2.21"),
        Reference(Framework.CIS, "6.2"),
        Reference(Framework.CHECKOV, "CKV_AWS_229"),
        Reference(Framework.CHECKOV, "CKV_AWS_230"),
        Reference(Framework.CHECKOV, "CKV_AWS_231"),
        Reference(Framework.CHECKOV, "CKV_AWS_232"),
    ),
    settings=(
        Setting(
            "adminPorts",
            "TCP ports that the world must not reach",
            [20, 21, 22, 3389],
            {"type": "array", "items": {"type": "integer"}},
        ),
    ),
    remediation="Permit the ports or the networks that are needed.",
).for_each(
    "aws:ec2/networkAcl:NetworkAcl", "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", _ACL_RULE
)
def network_acl_admin_ports(acl: Checked) -> None:
    for path, entry in _entries(acl):
        with acl.unknowns_noted():
            _check_entry(acl, path, entry)


def _entries(acl: Checked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Ingress entries, inline or as a resource."""
    if acl.type == _ACL_RULE:
        if not acl.get("egress"):
            yield "", acl.properties
        return
    for index in range(len(acl.get("ingress") or ())):
        with acl.unknowns_noted():
            yield f"ingress[{index}].", acl.get("ingress")[index]


def _check_entry(acl: Checked, path: str, entry: Mapping[str, Any]) -> None:
    effect = entry.get("ruleAction") if acl.type == _ACL_RULE else entry.get("action")
    if effect == "deny":
        return
    for name in ("cidrBlock", "ipv6CidrBlock"):
        with acl.unknowns_noted():
            network = str(entry.get(name))
            if is_world(network):
                opened = [f"{port:g}" for port in acl.setting("adminPorts") if _opens(entry, port)]
                if opened:
                    acl.fails(
                        f"{path}{name}",
                        seen=f"{network} on TCP {', '.join(opened)}",
                        wanted="other ports, or smaller networks",
                    )


def _opens(entry: Mapping[str, Any], port: float) -> bool:
    protocol = str(entry.get("protocol")).lower()
    if protocol in _EVERY_PROTOCOL:
        return True
    first, last = entry.get("fromPort") or 0, entry.get("toPort")
    return protocol in TCP and first <= port <= (_LARGEST_PORT if last is None else last)


@Rule(
    name="vpc-endpoints",
    description=(
        "In production each VPC reaches the AWS services that its tasks need by endpoints of its"
        " own: that traffic stays off the internet, and tasks start while NAT is down."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "EC2.55"),
        Reference(Framework.FSBP, "EC2.56"),
        Reference(Framework.FSBP, "EC2.57"),
    ),
    settings=(
        Setting(
            "services",
            "Endings of the service names that each VPC has an endpoint for",
            ["s3", "ecr.api", "ecr.dkr", "logs", "ssm"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation="Add an aws.ec2.VpcEndpoint (interface_endpoints in the network's settings).",
).for_stack()
def vpc_endpoints(stack: Stack) -> None:
    endpoints = stack.all("aws:ec2/vpcEndpoint:VpcEndpoint")
    for vpc in stack.owing("aws:ec2/vpc:Vpc"):
        for service in vpc.setting("services"):
            with vpc.unknowns_noted():
                if not _has_endpoint(vpc, service, endpoints):
                    vpc.fails(f"endpoint for {service}", seen="missing", wanted="one")


def _has_endpoint(vpc: Checked, service: str, endpoints: Sequence[Checked]) -> bool:
    return any_of(
        endpoints,
        lambda endpoint: (
            str(endpoint.get("serviceName")).endswith(f".{service}")
            and endpoint.refers_to("vpcId", vpc)
        ),
    )
