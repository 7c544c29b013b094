"""Who is told of what happens to databases."""

from typing import Final

from pulumi_policy import Severity

from .database_types import INSTANCE
from .rule import Checked, Framework, Reference, Rule, Scope, Stack, any_of

_SUBSCRIPTION: Final = "aws:rds/eventSubscription:EventSubscription"


@Rule(
    name="database-events-subscribed",
    description=(
        "In production RDS tells a topic what happens to each database: it does not ask before it"
        " restarts one."
    ),
    severity=Severity.MEDIUM,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "RDS.20"),),
    remediation=("Add an enabled aws.rds.EventSubscription with sourceType db-instance."),
).for_stack()
def database_events_subscribed(stack: Stack) -> None:
    for database in stack.owing(INSTANCE):
        with database.unknowns_noted():
            if not _is_told(database, stack):
                database.fails("event subscription", seen="missing", wanted="one that covers it")


def _is_told(database: Checked, stack: Stack) -> bool:
    return any_of(
        stack.all(_SUBSCRIPTION),
        lambda each: (
            each.get("enabled") is not False
            # None means every kind of source.
            and each.get("sourceType") in (None, "db-instance")
            and _is_about(each, database)
        ),
    )


def _is_about(subscription: Checked, database: Checked) -> bool:
    if subscription.depends_on("sourceIds", database):
        return True
    sources = subscription.given("sourceIds")
    return not sources or database.get("identifier") in sources
