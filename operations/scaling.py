"""The bounds within which autoscaling chooses how many tasks a service has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.steps import Context


@dataclass(frozen=True)
class Bounds:
    """Tasks, both included."""

    least: int
    most: int


def scaling_bounds(context: Context, service: str) -> Bounds | None:
    """None for a service that does not scale by itself."""
    found = list(
        context.aws.pages(
            "application-autoscaling",
            "describe_scalable_targets",
            "ScalableTargets",
            ServiceNamespace="ecs",
            ResourceIds=[_target(context, service)["ResourceId"]],
        )
    )
    return Bounds(found[0]["MinCapacity"], found[0]["MaxCapacity"]) if found else None


def set_bounds(context: Context, service: str, bounds: Bounds) -> None:
    """Autoscaling puts back a count outside its bounds, so these move and not the count alone."""
    context.aws.client("application-autoscaling").register_scalable_target(
        **_target(context, service), MinCapacity=bounds.least, MaxCapacity=bounds.most
    )


def _target(context: Context, service: str) -> Mapping[str, Any]:
    platform = context.platform
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{platform.cluster}/{platform.service(service)}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
