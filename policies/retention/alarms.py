"""Alarms: what they watch, and whom they reach."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pulumi_policy import Severity
from pulumi_policy.proxy import UnknownValueError

from .kinds import FUNCTION, LOAD_BALANCERS, all_of, owing_of
from .rule import Checked, Framework, Reference, Rule, Scope, Stack, any_of

_METRIC_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_COMPOSITE_ALARM: Final = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
_ALARMS: Final = (_METRIC_ALARM, _COMPOSITE_ALARM)
_TOPIC: Final = "aws:sns/topic:Topic"
_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"
_SERVICE: Final = "aws:ecs/service:Service"
_QUEUE: Final = "aws:sqs/queue:Queue"
_CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"

_WATCHING: Final = ("dimensions", "metricQueries")
# Where a queue gets what failed elsewhere.
_DEAD_LETTERS: Final = {
    FUNCTION: "deadLetterConfig",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "destinationConfig",
    "aws:cloudwatch/eventTarget:EventTarget": "deadLetterConfig",
    "aws:scheduler/schedule:Schedule": "target",
    "aws:sns/topicSubscription:TopicSubscription": "redrivePolicy",
    _QUEUE: "redrivePolicy",
    "aws:sqs/redrivePolicy:RedrivePolicy": "redrivePolicy",
}

# The output whose value is a dimension of the resource's metrics.
_DIMENSIONS: Final = {
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    _CACHE: "replicationGroupId",
    **dict.fromkeys(LOAD_BALANCERS, "arnSuffix"),
    _SERVICE: "name",
    FUNCTION: "name",
    _QUEUE: "name",
}


@Rule(
    name="alarm-acts",
    description=(
        "Each alarm does something: it tells a topic, decides about a deployment, or is part of an"
        " alarm that does. A red line that nobody gets to see alarms nobody."
    ),
    severity=Severity.HIGH,
    references=(Reference(Framework.FSBP, "CloudWatch.15"),),
    remediation="Set alarmActions to the ARN of the alarm topic.",
).for_stack()
def alarm_acts(stack: Stack) -> None:
    for alarm in owing_of(stack, _ALARMS):
        with alarm.unknowns_noted():
            # A list that is there acts, although the topic's ARN may not be known yet.
            if not _has_actions(alarm) and not _is_used(alarm, stack):
                alarm.fails("alarmActions", seen="empty", wanted="a topic")


def _has_actions(alarm: Checked) -> bool:
    try:
        return len(alarm.get("alarmActions") or ()) > 0
    except UnknownValueError:
        return bool(alarm.property_dependencies.get("alarmActions"))


def _is_used(alarm: Checked, stack: Stack) -> bool:
    """By a deployment that it rolls back, or by a composite alarm."""
    return any_of(
        stack.all(_SERVICE), lambda service: _mentions(service, "alarms", alarm)
    ) or any_of(
        stack.all(_COMPOSITE_ALARM), lambda composite: _mentions(composite, "alarmRule", alarm)
    )


def _mentions(user: Checked, property_name: str, alarm: Checked) -> bool:
    if user.depends_on(property_name, alarm):
        return True
    value, name = user.get(property_name), alarm.get("name") or alarm.get("alarmName")
    if isinstance(value, str):
        return f'"{name}"' in value or f"({name})" in value
    return name in ((value or {}).get("alarmNames") or ())


@Rule(
    name="alarm-actions-enabled",
    description="No alarm is switched off: a mute that was meant for an hour stays for years.",
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "CloudWatch.17"),
        Reference(Framework.CHECKOV, "CKV_AWS_319"),
    ),
    remediation="Leave actionsEnabled out.",
).for_each(*_ALARMS)
def alarm_actions_enabled(alarm: Checked) -> None:
    if alarm.get("actionsEnabled") is False:
        alarm.fails("actionsEnabled", seen="false", wanted="true")


@Rule(
    name="alarm-topic-subscribed",
    description="In production somebody is subscribed to each topic that alarms tell.",
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation=(
        "Add an aws.sns.TopicSubscription (the e-mail addresses in the settings of observability)."
    ),
).for_stack()
def alarm_topic_subscribed(stack: Stack) -> None:
    for topic in stack.owing(_TOPIC):
        with topic.unknowns_noted():
            if _is_told(topic, stack) and not _is_heard(topic, stack):
                topic.fails("subscriptions", seen="none", wanted="one at least")


def _is_told(topic: Checked, stack: Stack) -> bool:
    return any_of(all_of(stack, _ALARMS), lambda alarm: alarm.holds("alarmActions", topic))


def _is_heard(topic: Checked, stack: Stack) -> bool:
    # A topic's id is its ARN.
    return any_of(stack.all(_SUBSCRIPTION), lambda each: each.refers_to("topic", topic))


@Rule(
    name="resource-has-alarm",
    description=(
        "In production each database, cache, load balancer, service, function and dead-letter"
        " queue has an alarm of its own: what is not watched fails in silence."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation="Add an aws.cloudwatch.MetricAlarm with the resource in its dimensions.",
).for_stack()
def resource_has_alarm(stack: Stack) -> None:
    alarms = stack.all(_METRIC_ALARM)
    for resource in owing_of(stack, tuple(_DIMENSIONS)):
        with resource.unknowns_noted():
            if _is_to_be_watched(resource, stack) and not _is_watched(resource, alarms):
                resource.fails("alarm", seen="missing", wanted="one with it in its dimensions")


def _is_to_be_watched(resource: Checked, stack: Stack) -> bool:
    """All but queues that are worked off, and have an alarm of whoever works."""
    return resource.type != _QUEUE or _is_dead_letter_queue(resource, stack)


def _is_dead_letter_queue(queue: Checked, stack: Stack) -> bool:
    return any(
        holder.depends_on(name, queue)
        for kind, name in _DEAD_LETTERS.items()
        for holder in stack.all(kind)
    )


def _is_watched(resource: Checked, alarms: Sequence[Checked]) -> bool:
    return any(
        alarm.depends_on(name, resource) for alarm in alarms for name in _WATCHING
    ) or any_of(alarms, lambda alarm: _names_in_dimensions(alarm, resource))


def _names_in_dimensions(alarm: Checked, resource: Checked) -> bool:
    wanted = resource.get(_DIMENSIONS[resource.type])
    return any(
        # The nodes of a replication group are its id with a number behind.
        value == wanted or (resource.type == _CACHE and value.startswith(f"{wanted}-"))
        for dimensions in _dimensions(alarm)
        for value in dimensions.values()
    )


def _dimensions(alarm: Checked) -> Iterator[Mapping[str, str]]:
    yield alarm.get("dimensions") or {}
    for query in alarm.get("metricQueries") or ():
        yield (query.get("metric") or {}).get("dimensions") or {}
