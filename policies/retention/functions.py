"""Where Lambda functions write their logs."""

from collections.abc import Sequence
from typing import Final

from pulumi_policy import Severity

from .kinds import FUNCTION, LOG_GROUP
from .rule import Checked, Rule, Stack, any_of

_PREFIX: Final = "/aws/lambda/"


@Rule(
    name="function-log-group",
    description=(
        "Functions write to a log group of the stack: Lambda otherwise makes one by itself, which"
        " keeps everything for ever and has no key."
    ),
    severity=Severity.MEDIUM,
    remediation=(
        "Add an aws.cloudwatch.LogGroup, and name it in loggingConfig.logGroup or after the"
        " function."
    ),
).for_stack()
def function_log_group(stack: Stack) -> None:
    groups = stack.all(LOG_GROUP)
    for function in stack.owing(FUNCTION):
        with function.unknowns_noted():
            if not _writes_to_one_of(groups, function):
                function.fails("log group", seen="none of the stack", wanted="one of the stack")


def _writes_to_one_of(groups: Sequence[Checked], function: Checked) -> bool:
    if any(function.depends_on("loggingConfig", group) for group in groups):
        return True
    named = (function.given("loggingConfig") or {}).get("logGroup")
    return any_of(
        groups,
        lambda group: group.get("name") == (named or f"{_PREFIX}{function.get('name')}"),
    )
