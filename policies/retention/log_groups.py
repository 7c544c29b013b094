"""How long log groups keep events."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Scope, Setting

_LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
_FIXED_BY_AWS: Final = "DELIVERY"
"""A class of log groups whose retention AWS sets."""

# CloudWatch Logs API reference, PutRetentionPolicy.
ALLOWED_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _allowed_from(days: float) -> int:
    """The shortest permitted retention that is not shorter, or else the longest."""
    return next((allowed for allowed in ALLOWED_DAYS if allowed >= days), ALLOWED_DAYS[-1])


def _set_by_us(group: Checked) -> bool:
    return bool(group.get("logGroupClass") != _FIXED_BY_AWS)


@Rule(
    name="log-group-retention",
    description=(
        "Log groups say how long they keep events, in a number of days that CloudWatch takes:"
        " without one they keep and cost for ever."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "CloudWatch.16"),
        Reference(Framework.CHECKOV, "CKV_AWS_66"),
    ),
    remediation=(f"Set retentionInDays to one of {', '.join(str(days) for days in ALLOWED_DAYS)}."),
).for_each(_LOG_GROUP)
def log_group_retention(group: Checked) -> None:
    if not _set_by_us(group):
        return
    days = group.get("retentionInDays")
    if not days:
        seen = "not set" if days is None else "0"
        group.fails("retentionInDays", seen=f"{seen}, which means for ever", wanted="a limit")
    elif days not in ALLOWED_DAYS:
        group.fails(
            "retentionInDays",
            seen=f"{days:g}, which CloudWatch refuses",
            wanted=f"{_allowed_from(days)}",
        )


@Rule(
    name="log-group-retention-minimum",
    description=(
        "Production keeps logs for a year at least: intrusions are often found only after months."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "CloudWatch.16"),
        Reference(Framework.CHECKOV, "CKV_AWS_338"),
    ),
    settings=(
        Setting(
            "minimumDays",
            "Shortest retention that passes",
            365,
            {"type": "integer", "minimum": ALLOWED_DAYS[0], "maximum": ALLOWED_DAYS[-1]},
        ),
    ),
    remediation="Raise retentionInDays.",
).for_each(_LOG_GROUP)
def log_group_retention_minimum(group: Checked) -> None:
    days = group.get("retentionInDays")
    minimum = int(group.setting("minimumDays"))
    # For ever is long enough here; that it is refused at all is the other rule's matter.
    if _set_by_us(group) and days and days < minimum:
        group.fails("retentionInDays", seen=f"{days:g}", wanted=f"{_allowed_from(minimum)} or more")
