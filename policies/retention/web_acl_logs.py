"""What web ACLs record and count."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import Severity

from .kinds import LOG_GROUP
from .rule import Checked, Framework, Reference, Rule, Setting, Stack

_WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"
_LOGGING: Final = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
_PREFIX: Final = "aws-waf-logs-"
"""AWS takes no log group, bucket or stream of another name."""
_DESTINATIONS: Final = "logDestinationConfigs"
_NAME: Final = re.compile(r"^arn:.*?:(log-group:|::|deliverystream/)")
"""What stands before the name in the ARN of a log group, a bucket or a stream."""


@Rule(
    name="web-acl-logs",
    description=(
        "Web ACLs record what they blocked and let through, without the headers that carry"
        " sessions: whoever may read the logs could otherwise be anybody."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "WAF.11"),
        Reference(Framework.CHECKOV, "CKV2_AWS_31"),
    ),
    settings=(
        Setting(
            "redactedHeaders",
            "Headers that no record may contain",
            ["authorization", "cookie"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation=(
        "Add an aws.wafv2.WebAclLoggingConfiguration to a destination whose name begins with"
        f" {_PREFIX}, with the headers as redactedFields.singleHeader."
    ),
).for_stack()
def web_acl_logs(stack: Stack) -> None:
    for acl in stack.owing(_WEB_ACL):
        with acl.unknowns_noted():
            found = [each for each in stack.all(_LOGGING) if each.refers_to("resourceArn", acl)]
            if not found:
                acl.fails("logging", seen="missing", wanted="a configuration")
            for logging in found:
                _check_destinations(logging, stack)
                _check_redaction(logging)


def _check_destinations(logging: Checked, stack: Stack) -> None:
    with logging.unknowns_noted():
        for name in _destinations(logging, stack):
            if not name.startswith(_PREFIX):
                logging.fails(_DESTINATIONS, seen=name, wanted=f"a name with {_PREFIX}")


def _destinations(logging: Checked, stack: Stack) -> list[str]:
    """By their names; a log group of the stack has one before its ARN is known."""
    of_stack = [
        str(group.get("name"))
        for group in stack.all(LOG_GROUP)
        if logging.holds(_DESTINATIONS, group)
    ]
    return of_stack or [_NAME.sub("", arn) for arn in logging.get(_DESTINATIONS) or ()]


def _check_redaction(logging: Checked) -> None:
    with logging.unknowns_noted():
        redacted = {
            str((field.get("singleHeader") or {}).get("name")).lower()
            for field in logging.get("redactedFields") or ()
        }
        for header in logging.setting("redactedHeaders"):
            if header not in redacted:
                logging.fails("redactedFields", seen=f"without {header}", wanted="it redacted")


@Rule(
    name="web-acl-metrics",
    description=(
        "Web ACLs and each of their rules count in CloudWatch what they match: else nobody sees an"
        " attack, or a rule that blocks customers."
    ),
    severity=Severity.MEDIUM,
    references=(Reference(Framework.FSBP, "WAF.12"),),
    remediation="Set visibilityConfig.cloudwatchMetricsEnabled to true.",
).for_each(_WEB_ACL, "aws:wafv2/ruleGroup:RuleGroup")
def web_acl_metrics(acl: Checked) -> None:
    for path, part in _parts(acl):
        with acl.unknowns_noted():
            if (part.get("visibilityConfig") or {}).get("cloudwatchMetricsEnabled") is not True:
                acl.fails(
                    f"{path}visibilityConfig.cloudwatchMetricsEnabled",
                    seen="not true",
                    wanted="true",
                )


def _parts(acl: Checked) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "", acl.properties
    with acl.unknowns_noted():
        for index in range(len(acl.get("rules") or ())):
            with acl.unknowns_noted():
                yield f"rules[{index}].", acl.get("rules")[index]
