"""The load balancer of a service, and its listener that users reach."""

from collections.abc import Sequence

from operations.aws import or_none
from operations.service import require_service
from operations.steps import Context


def load_balancers(context: Context, service: str) -> list[str]:
    """The ARNs of those that lead to the service; none for a service that nobody reaches."""
    targets = require_service(context, service).get("loadBalancers", ())
    groups = [one["targetGroupArn"] for one in targets if "targetGroupArn" in one]
    if not groups:
        return []
    elb = context.aws.client("elbv2")
    found = or_none(
        lambda: elb.describe_target_groups(TargetGroupArns=groups[:1])["TargetGroups"],
        "TargetGroupNotFound",
    )
    return [str(arn) for group in found or () for arn in group["LoadBalancerArns"]]


def find_listener(context: Context, balancers: Sequence[str]) -> str | None:
    """The listener that users reach: HTTPS, and HTTP only where that is all."""
    listeners = [
        listener
        for arn in balancers
        for listener in context.aws.pages(
            "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn
        )
    ]
    # HTTPS sorts after HTTP.
    chosen = max(listeners, key=lambda one: one["Protocol"], default=None)
    return None if chosen is None else str(chosen["ListenerArn"])


def names_of(context: Context, balancers: Sequence[str]) -> set[str]:
    """Their DNS names, in lower case."""
    if not balancers:
        return set()
    elb = context.aws.client("elbv2")
    found = elb.describe_load_balancers(LoadBalancerArns=list(balancers))["LoadBalancers"]
    return {one["DNSName"].lower() for one in found}
