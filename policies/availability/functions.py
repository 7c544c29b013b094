"""Functions that compete for the account's concurrency."""

from pulumi_policy import Severity

from .kinds import FUNCTION
from .rule import Checked, Framework, Reference, Rule, Scope


@Rule(
    name="function-reserved-concurrency",
    description=(
        "Production's functions have a share of the account's concurrency: another one that runs"
        " wild takes nothing from it. Off by default; configure exemptions without * to turn it"
        " on."
    ),
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_115"),),
    exemptions={
        "*": "A new account's quota may be ten, and Lambda refuses to reserve any of the last ten"
    },
    remediation="Set reservedConcurrentExecutions, where the account's quota allows it.",
).for_each(FUNCTION)
def function_reserved_concurrency(function: Checked) -> None:
    # -1 reserves nothing; 0 would stop the function.
    function.must_reach("reservedConcurrentExecutions", 1, unset=-1)
