"""What web ACLs block."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Scope, Setting, any_of

_WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"
_AWS: Final = "AWS"


def _any_rule(acl: Checked, test: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Whether a rule passes; one that is not known yet decides only where no other does."""
    rules = acl.get("rules") or ()
    return any_of(range(len(rules)), lambda index: test(rules[index]))


@Rule(
    name="web-acl-managed-rules",
    description=(
        "Web ACLs block with AWS's common rules and its rules against known bad inputs, among them"
        " Log4Shell; counting alone stops nobody."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "WAF.10"),
        Reference(Framework.CHECKOV, "CKV_AWS_175"),
        Reference(Framework.CHECKOV, "CKV_AWS_192"),
    ),
    settings=(
        Setting(
            "groups",
            "Managed rule groups of AWS that block in each web ACL",
            ["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation=(
        "Add a rule with a managedRuleGroupStatement of this group and overrideAction none."
    ),
).for_each(_WEB_ACL)
def web_acl_managed_rules(acl: Checked) -> None:
    for group in acl.setting("groups"):
        with acl.unknowns_noted():
            _check_group(acl, group)


def _check_group(acl: Checked, group: str) -> None:
    if _any_rule(acl, lambda rule: _contains(rule, group) and _blocks(rule)):
        return
    counting = _any_rule(acl, lambda rule: _contains(rule, group))
    acl.fails(
        "rules",
        seen=f"with {group} only counting" if counting else f"without {group}",
        wanted=f"{group} with overrideAction none",
    )


def _contains(rule: Mapping[str, Any], name: str) -> bool:
    group = (rule.get("statement") or {}).get("managedRuleGroupStatement") or {}
    return group.get("name") == name and group.get("vendorName") == _AWS


def _blocks(rule: Mapping[str, Any]) -> bool:
    """As the group says; what is asked is which member there is, the objects are empty."""
    return (rule.get("overrideAction") or {}).get("none") is not None


@Rule(
    name="web-acl-rate-limit",
    description=(
        "Web ACLs of production limit how many requests one address makes: passwords are guessed"
        " and services overloaded by numbers."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    remediation="Add a rule with a rateBasedStatement and the action block.",
).for_each(_WEB_ACL)
def web_acl_rate_limit(acl: Checked) -> None:
    if not _any_rule(acl, _limits_rate):
        acl.fails("rules", seen="without a rate limit that blocks", wanted="one rateBasedStatement")


def _limits_rate(rule: Mapping[str, Any]) -> bool:
    by_rate = (rule.get("statement") or {}).get("rateBasedStatement")
    return by_rate is not None and (rule.get("action") or {}).get("block") is not None
