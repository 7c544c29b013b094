"""How security groups and their rules are written."""

from typing import Final

from pulumi_policy import Severity

from .kinds import SECURITY_GROUP
from .openings import EGRESS_RULE, INGRESS_RULE, LEGACY_RULE, Direction
from .rule import Checked, Framework, Reference, Rule

_BY_DEFAULT: Final = "Managed by Pulumi"
"""What pulumi-aws writes where a security group has no description."""


@Rule(
    name="security-group-described",
    description=(
        "Security groups and their rules say what they are for: nobody dares to close an opening"
        " that nobody understands."
    ),
    severity=Severity.LOW,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_23"),),
    remediation="Set description to who connects and what for.",
).for_each(SECURITY_GROUP, INGRESS_RULE, EGRESS_RULE, LEGACY_RULE)
def security_group_described(resource: Checked) -> None:
    description = str(resource.get("description") or "").strip()
    if description in ("", _BY_DEFAULT):
        resource.fails("description", seen=description or "not set", wanted="a purpose")


@Rule(
    name="security-group-separate-rules",
    description=(
        "Rules of a security group are resources of their own: inline ones, an empty list too,"
        " remove the separate ones at every other update."
    ),
    severity=Severity.MEDIUM,
    remediation=(
        "Write each rule as aws.vpc.SecurityGroupIngressRule or SecurityGroupEgressRule, and"
        " leave ingress and egress of the group out."
    ),
).for_each(SECURITY_GROUP)
def security_group_separate_rules(group: Checked) -> None:
    # A resource rule sees inputs: what AWS lists there afterwards is not among them.
    given = list(group.properties)
    for direction in Direction:
        if direction.value in given:
            group.fails(direction.value, seen="given inline", wanted="separate resources")
