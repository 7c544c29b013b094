"""What a table cannot say about application autoscaling; see `special.py`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from local.providers.aws import schedules
from local.providers.aws.api import Api, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, has_unknown

Refusals = Iterator[tuple[str, str]]

_SERVICE: Final = "application-autoscaling"
_KEYS: Final = {
    "serviceNamespace": "ServiceNamespace",
    "resourceId": "ResourceId",
    "scalableDimension": "ScalableDimension",
}


def _target(properties: Properties) -> dict[str, Any]:
    return {name: properties[key] for key, name in _KEYS.items()}


def target(properties: Properties) -> Refusals:
    namespace = properties.get("serviceNamespace")
    if isinstance(namespace, str) and namespace != "ecs":
        yield "serviceNamespace", "the local cloud scales ECS services only"
    resource = properties.get("resourceId")
    if isinstance(resource, str) and not _names_service(resource):
        yield "resourceId", f"'{resource}' is not service/<cluster name>/<service name>"
    yield from _bounds("maxCapacity", properties)


def _names_service(resource: str) -> bool:
    kind, _, rest = resource.partition("/")
    return kind == "service" and rest.count("/") == 1 and all(rest.split("/"))


def _bounds(where: str, bounds: Properties) -> Refusals:
    least, most = bounds.get("minCapacity"), bounds.get("maxCapacity")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield where, f"Maximum capacity {most} cannot be less than minimum capacity {least}"


def forget_what_scales(api: Api, _: str, properties: Properties) -> None:
    """AWS deletes a target's policies and scheduled actions with it; the emulator keeps them."""
    key = _target(properties)
    policies = api.call(_SERVICE, Call("describe_scaling_policies"), {}, key)["ScalingPolicies"]
    for policy in policies:
        named = {**key, "PolicyName": policy["PolicyName"]}
        api.call(_SERVICE, Call("delete_scaling_policy"), {}, named)
    actions = api.call(_SERVICE, Call("describe_scheduled_actions"), {}, key)["ScheduledActions"]
    for action in actions:
        named = {**key, "ScheduledActionName": action["ScheduledActionName"]}
        api.call(_SERVICE, Call("delete_scheduled_action"), {}, named)


def is_registered(api: Api, properties: Properties) -> None:
    """The emulator takes policies and scheduled actions of targets that do not exist."""
    if has_unknown(properties):
        return
    request = _target(properties)
    request["ResourceIds"] = [request.pop("ResourceId")]
    answer = api.call(_SERVICE, Call("describe_scalable_targets"), {}, request)
    if not answer["ScalableTargets"]:
        raise MissingError(
            f"{_SERVICE} refused: ObjectNotFoundException: No scalable target registered for "
            f"service namespace: {properties['serviceNamespace']}, resource ID: "
            f"{properties['resourceId']}, scalable dimension: {properties['scalableDimension']}"
        )


# -- policy ----------------------------------------------------------------------------------

_TRACKING: Final = "targetTrackingScalingPolicyConfiguration"
_STEPS: Final = "stepScalingPolicyConfiguration"
_CONFIGURATIONS: Final = {"TargetTrackingScaling": _TRACKING, "StepScaling": _STEPS}
_OF_SERVICES: Final = (
    "ALBRequestCountPerTarget",
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization",
)


def policy(properties: Properties) -> Refusals:
    kind = properties.get("policyType")
    if kind == "PredictiveScaling":
        yield "policyType", "the local cloud has no predictive scaling"
    wanted = _CONFIGURATIONS.get(str(kind))
    for name in _CONFIGURATIONS.values():
        if wanted and (properties.get(name) is not None) != (name == wanted):
            yield name, f"a policy of type {kind} has {wanted} and no other configuration"
    tracking = properties.get(_TRACKING)
    if isinstance(tracking, dict):
        yield from _tracking(tracking)


def _tracking(tracking: Properties) -> Refusals:
    for name in ("scaleInCooldown", "scaleOutCooldown"):
        seconds = tracking.get(name)
        if isinstance(seconds, int) and seconds < 0:
            yield f"{_TRACKING}.{name}", f"{seconds} is less than 0 seconds"
    goal = tracking.get("targetValue")
    if isinstance(goal, int | float) and goal <= 0:
        yield f"{_TRACKING}.targetValue", f"{goal} is not greater than 0"
    predefined = tracking.get("predefinedMetricSpecification")
    if (predefined is None) == (tracking.get("customizedMetricSpecification") is None):
        yield (
            _TRACKING,
            "Exactly one of predefinedMetricSpecification and customizedMetricSpecification must "
            "be specified",
        )
    if isinstance(predefined, dict):
        yield from _predefined(predefined)


def _predefined(metric: Properties) -> Refusals:
    where = f"{_TRACKING}.predefinedMetricSpecification"
    kind, label = metric.get("predefinedMetricType"), metric.get("resourceLabel")
    if isinstance(kind, str) and kind not in _OF_SERVICES:
        yield f"{where}.predefinedMetricType", f"'{kind}' is not one of {', '.join(_OF_SERVICES)}"
    if kind == "ALBRequestCountPerTarget" and label is None:
        yield (
            f"{where}.resourceLabel",
            "is required with ALBRequestCountPerTarget: the load balancer's arnSuffix, a slash and "
            "the target group's",
        )
    parts = label.split("/") if isinstance(label, str) else []
    if parts and [len(parts), *parts[::3]] != [6, "app", "targetgroup"]:
        yield f"{where}.resourceLabel", f"'{label}' is not app/<name>/<id>/targetgroup/<name>/<id>"


# -- scheduled action ------------------------------------------------------------------------


def scheduled(properties: Properties) -> Refusals:
    schedule, zone = properties.get("schedule"), properties.get("timezone")
    if isinstance(schedule, str):
        reason = schedules.problem(schedule, ("at", "cron", "rate"))
        if reason is not None:
            yield "schedule", reason
    if isinstance(zone, str):
        reason = schedules.time_zone_problem(zone)
        if reason is not None:
            yield "timezone", reason
    action = properties.get("scalableTargetAction")
    if isinstance(action, dict):
        if action.get("minCapacity") is None and action.get("maxCapacity") is None:
            yield "scalableTargetAction", "must have minCapacity, maxCapacity or both"
        yield from _bounds("scalableTargetAction", action)


def scheduled_to_send(properties: Properties) -> dict[str, Any]:
    """AWS forgets a start and an end that an update does not name again."""
    names = {
        "name": "ScheduledActionName",
        "schedule": "Schedule",
        "timezone": "Timezone",
        "startTime": "StartTime",
        "endTime": "EndTime",
    }
    action = properties["scalableTargetAction"]
    return {
        **_target(properties),
        **{n: properties[key] for key, n in names.items() if properties.get(key) is not None},
        "ScalableTargetAction": {
            key[:1].upper() + key[1:]: int(value) for key, value in action.items()
        },
    }


def scheduled_as_given(found: Properties, like: Properties) -> None:
    for key, name in (("startTime", "StartTime"), ("endTime", "EndTime")):
        there, given = found.get(name), like.get(key)
        if there is not None and isinstance(given, str) and there == _moment(given):
            found[name] = given


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
