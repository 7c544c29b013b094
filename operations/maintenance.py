"""Maintenance: a flag that the API reads, and the load balancer's answer in its place."""

import json
from functools import partial
from typing import Final

from operations.aws import or_none
from operations.errors import OperationError
from operations.load_balancer import find_listener, load_balancers
from operations.parameters import MAINTENANCE_MODE, read_parameter
from operations.steps import Context, Step, looking, run_steps

# Rules of services begin at 100; those below are the runbooks'.
RULE_PRIORITY: Final = 1

# A load balancer's own answer has no header Retry-After; so clients are told in the body.
RETRY_SECONDS: Final = 300
ANSWER: Final = json.dumps({"error": "maintenance", "retryAfterSeconds": RETRY_SECONDS})

# A tag of the rule: the snapshot of the migration that it is for.
MIGRATION_TAG: Final = "Migration"


def maintenance_steps(
    context: Context, listener: str, *, on: bool, migration: str | None = None
) -> list[Step]:
    """What begins or ends maintenance; users are turned away first and let in last.

    One for a migration, which its snapshot names, neither joins nor ends another.
    """
    if on:
        turn_away = partial(_turn_away, context, listener, migration)
        answer = Step("let the load balancer answer 503", turn_away)
        return [answer, Step(f"set {MAINTENANCE_MODE} true", partial(_set_flag, context, "true"))]

    def end() -> None:
        if migration is not None:
            _find_own(context, listener, migration)
        _set_flag(context, "false")

    admit = Step("let the load balancer forward requests again", partial(_admit, context, listener))
    return [Step(f"set {MAINTENANCE_MODE} false", end), admit]


def set_maintenance(context: Context, *, on: bool, service: str = "api") -> None:
    """Begin or end maintenance of the whole environment."""
    word = "on" if on else "off"
    go_on = f"run `maintenance {word} --yes` again"
    with looking(go_on):
        listener = listener_arn(context, service)
    if on and not context.dry_run:
        context.console.confirm("Turn every user away?", yes=context.yes)
    steps = maintenance_steps(context, listener, on=on)
    run_steps(context, f"maintenance {word}", steps, go_on=go_on)


def listener_arn(context: Context, service: str) -> str:
    """The listener that can answer in the service's place."""
    balancers = load_balancers(context, service)
    if not balancers:
        raise OperationError(f"service {service} has no load balancer that could answer for it")
    listener = find_listener(context, balancers)
    if listener is None:
        raise OperationError(f"the load balancer of {service} has no listener; run `pulumi up`")
    return listener


def is_maintenance(context: Context, listener: str) -> bool:
    """Whether any of it is on; one that was cut off may have but its rule, or its flag."""
    flag = read_parameter(context, context.platform.parameter(MAINTENANCE_MODE))
    return flag not in (None, "false") or bool(_rules(context, listener))


def _turn_away(context: Context, listener: str, migration: str | None) -> None:
    if _find_own(context, listener, migration):
        return
    tags = {"Purpose": "maintenance"} | ({MIGRATION_TAG: migration} if migration else {})
    context.aws.client("elbv2").create_rule(
        ListenerArn=listener,
        Priority=RULE_PRIORITY,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
        Actions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "StatusCode": "503",
                    "ContentType": "application/json",
                    "MessageBody": ANSWER,
                },
            }
        ],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def _admit(context: Context, listener: str) -> None:
    elb = context.aws.client("elbv2")
    for arn in _rules(context, listener):
        or_none(partial(elb.delete_rule, RuleArn=arn), "RuleNotFound")


def _find_own(context: Context, listener: str, migration: str | None) -> bool:
    """Whether the rule is there; None is the owner of what began by hand.

    Raises:
        OperationError: it is another's.
    """
    rules = _rules(context, listener)
    if not rules:
        return False
    elb = context.aws.client("elbv2")
    (described,) = elb.describe_tags(ResourceArns=rules)["TagDescriptions"]
    owner = {tag["Key"]: tag["Value"] for tag in described["Tags"]}.get(MIGRATION_TAG)
    if owner != migration:
        begun = f"of the migration {owner}" if owner else "begun by hand"
        raise OperationError(
            f"a maintenance is on already, {begun}: wait until that is over; `maintenance off` "
            "ends it, whosever it is"
        )
    return True


def _rules(context: Context, listener: str) -> list[str]:
    """The ARN of the runbooks' rule, if it is there."""
    rules = context.aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener)
    return [str(rule["RuleArn"]) for rule in rules if rule["Priority"] == str(RULE_PRIORITY)]


def _set_flag(context: Context, value: str) -> None:
    context.aws.client("ssm").put_parameter(
        Name=context.platform.parameter(MAINTENANCE_MODE),
        Value=value,
        Type="String",
        Overwrite=True,
    )
