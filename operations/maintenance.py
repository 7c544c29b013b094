"""Maintenance: a flag that the API reads, and the load balancer's answer in its place."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from operations.aws import or_none
from operations.errors import OperationError
from operations.parameters import MAINTENANCE_MODE
from operations.service import require_service
from operations.steps import Context, Step, looking, run_steps

# Rules of services begin at 100; those below are the runbooks'.
RULE_PRIORITY: Final = 1

# A load balancer's own answer has no header Retry-After; so clients are told in the body.
RETRY_SECONDS: Final = 300
ANSWER: Final = json.dumps({"error": "maintenance", "retryAfterSeconds": RETRY_SECONDS})


def maintenance_steps(context: Context, listener: str, *, on: bool) -> list[Step]:
    """What begins or ends maintenance; users are turned away first and let in last."""
    flag = Step(
        f"set {MAINTENANCE_MODE} {'true' if on else 'false'}", partial(_set_flag, context, on=on)
    )
    if on:
        answer = Step("let the load balancer answer 503", partial(_turn_away, context, listener))
        return [answer, flag]
    admit = Step("let the load balancer forward requests again", partial(_admit, context, listener))
    return [flag, admit]


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
    """The listener that the service's users reach: HTTPS, and HTTP only where that is all."""
    balancers = require_service(context, service).get("loadBalancers", ())
    groups = [one["targetGroupArn"] for one in balancers if "targetGroupArn" in one]
    if not groups:
        raise OperationError(f"service {service} has no load balancer that could answer for it")
    elb = context.aws.client("elbv2")
    (group,) = elb.describe_target_groups(TargetGroupArns=groups[:1])["TargetGroups"]
    listeners = [
        listener
        for arn in group["LoadBalancerArns"]
        for listener in context.aws.pages(
            "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn
        )
    ]
    if not listeners:
        raise OperationError(f"the load balancer of {service} has no listener; run `pulumi up`")
    # HTTPS sorts after HTTP.
    return str(max(listeners, key=lambda one: one["Protocol"])["ListenerArn"])


def _turn_away(context: Context, listener: str) -> None:
    if any(True for _ in _own_rules(context, listener)):
        return
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
        Tags=[{"Key": "Purpose", "Value": "maintenance"}],
    )


def _admit(context: Context, listener: str) -> None:
    elb = context.aws.client("elbv2")
    for rule in list(_own_rules(context, listener)):
        arn = rule["RuleArn"]
        or_none(partial(elb.delete_rule, RuleArn=arn), "RuleNotFound")


def _own_rules(context: Context, listener: str) -> Iterator[Mapping[str, Any]]:
    rules = context.aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener)
    return (rule for rule in rules if rule["Priority"] == str(RULE_PRIORITY))


def _set_flag(context: Context, *, on: bool) -> None:
    context.aws.client("ssm").put_parameter(
        Name=context.platform.parameter(MAINTENANCE_MODE),
        Value="true" if on else "false",
        Type="String",
        Overwrite=True,
    )
