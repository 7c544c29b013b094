"""What rules of EventBridge and schedules start."""

from typing import Final

from pulumi_policy import Severity

from .rule import Checked, Rule, Scope

_EVENT_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"
_SCHEDULE: Final = "aws:scheduler/schedule:Schedule"


@Rule(
    name="schedule-failures-kept",
    description=(
        "In production, events and schedules that cannot be delivered go to a queue: a backup that"
        " did not start is otherwise noticed when it is needed."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    remediation="Set deadLetterConfig.arn to an SQS queue.",
).for_each(_EVENT_TARGET, _SCHEDULE)
def schedule_failures_kept(source: Checked) -> None:
    target = source.properties if source.type == _EVENT_TARGET else source.get("target") or {}
    # An object that is there names a queue, although its ARN may not be known yet.
    if not target.get("deadLetterConfig"):
        path = "deadLetterConfig" if source.type == _EVENT_TARGET else "target.deadLetterConfig"
        source.fails(path, seen="missing", wanted="a queue")
