"""Load balancers on the wire."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import Severity

from .kinds import LISTENER_RULES, LISTENERS, TARGET_GROUPS, all_of, owing_of
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, Stack, any_of

_WITH_TLS: Final = ("HTTPS", "TLS")

# Application Load Balancers user guide, "Security policies": TLS 1.2 and 1.3 with forward secrecy
# alone. The Ext policies add ciphers without it, and TLS 1.0.
_TLS_POLICIES: Final = [
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-*",
    "ELBSecurityPolicy-TLS13-1-2-PQ-*",
    "ELBSecurityPolicy-TLS13-1-2-Res-*",
    "ELBSecurityPolicy-TLS13-1-3-*",
]
_BEHIND_THE_LOAD_BALANCER: Final = (
    "TLS ends at the load balancer: the containers serve HTTP, and only its security group reaches"
    " them"
)
_AWS_DEFAULT: Final = "not set, which means ELBSecurityPolicy-2016-08 with TLS 1.0"


@Rule(
    name="listener-https",
    description=(
        "Load balancers serve HTTPS alone; HTTP only redirects there. A password that was sent in"
        " clear once is known."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ELB.1"),
        Reference(Framework.FSBP, "ELB.18"),
        Reference(Framework.CHECKOV, "CKV_AWS_2"),
        Reference(Framework.CHECKOV, "CKV2_AWS_20"),
    ),
    remediation=(
        "Set protocol to HTTPS with a certificate, or let each action redirect with protocol HTTPS."
    ),
).for_each(*LISTENERS)
def listener_https(listener: Checked) -> None:
    # AWS's default, where there is a load balancer for HTTP at all.
    protocol = listener.get("protocol") or "HTTP"
    if protocol == "HTTP":
        _check_redirects(listener, "defaultActions")
    elif protocol not in _WITH_TLS:
        listener.fails("protocol", seen=protocol, wanted=" or ".join(_WITH_TLS))


@Rule(
    name="listener-rule-https",
    description=(
        "Rules of an HTTP listener only redirect to HTTPS: one that forwards serves what its"
        " listener's default action refuses to."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ELB.1"),
        Reference(Framework.CHECKOV, "CKV2_AWS_20"),
    ),
    remediation="Move the rule to the HTTPS listener, or redirect with protocol HTTPS.",
).for_stack()
def listener_rule_https(stack: Stack) -> None:
    listeners = all_of(stack, LISTENERS)
    for rule in owing_of(stack, LISTENER_RULES):
        with rule.unknowns_noted():
            if _is_served_over_http(rule, listeners):
                _check_redirects(rule, "actions")


def _is_served_over_http(rule: Checked, listeners: Sequence[Checked]) -> bool:
    return any_of(
        listeners,
        lambda listener: (
            rule.refers_to("listenerArn", listener)
            and (listener.given("protocol") or "HTTP") == "HTTP"
        ),
    )


def _check_redirects(resource: Checked, property_name: str) -> None:
    actions = resource.get(property_name) or ()
    for index in range(len(actions)):
        with resource.unknowns_noted():
            if not _redirects_to_https(actions[index]):
                resource.fails(
                    f"{property_name}[{index}]",
                    seen=f"{actions[index].get('type')} over HTTP",
                    wanted="a redirect to HTTPS",
                )


def _redirects_to_https(action: Mapping[str, Any]) -> bool:
    # The protocol stays as it is unless the redirect names one.
    redirect = action.get("redirect") or {}
    return action.get("type") == "redirect" and redirect.get("protocol") == "HTTPS"


@Rule(
    name="listener-tls-policy",
    description="Load balancers speak TLS 1.2 and 1.3 with forward secrecy, and nothing older.",
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ELB.17"),
        Reference(Framework.CHECKOV, "CKV_AWS_103"),
        Reference(Framework.CHECKOV, "CKV2_AWS_74"),
    ),
    settings=(
        Setting(
            "policies",
            "Names of security policies that pass, in which * matches anything",
            _TLS_POLICIES,
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
    ),
    remediation="Set sslPolicy to ELBSecurityPolicy-TLS13-1-2-2021-06 or a stricter one.",
).for_each(*LISTENERS)
def listener_tls_policy(listener: Checked) -> None:
    if listener.get("protocol") not in _WITH_TLS:
        return
    policy = listener.get("sslPolicy")
    if not any(fnmatchcase(policy or "", passing) for passing in listener.setting("policies")):
        listener.fails("sslPolicy", seen=policy or _AWS_DEFAULT, wanted="TLS 1.2 and 1.3 alone")


@Rule(
    name="target-group-https",
    description=(
        "Production's load balancers speak TLS to their targets too, unless somebody has written"
        " down why not."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "ELB.22"),
        Reference(Framework.CHECKOV, "CKV_AWS_378"),
    ),
    exemptions={f"*-{colour}": _BEHIND_THE_LOAD_BALANCER for colour in ("blue", "green")},
    remediation="Set protocol to HTTPS, or exempt the target group with the reason.",
).for_each(*TARGET_GROUPS)
def target_group_https(group: Checked) -> None:
    # A function is called, not connected to.
    if group.get("targetType") == "lambda":
        return
    protocol = group.get("protocol")
    if protocol not in _WITH_TLS:
        group.fails("protocol", seen=protocol or "not set", wanted=" or ".join(_WITH_TLS))
