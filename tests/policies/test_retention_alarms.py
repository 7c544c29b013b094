"""Alarms, and what they are for."""

from typing import Any

import pytest

from policies.retention.alarms import (
    alarm_actions_enabled,
    alarm_acts,
    alarm_topic_subscribed,
    resource_has_alarm,
)
from policies.retention.kinds import LOAD_BALANCERS
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given, check_stack

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
SERVICE = "aws:ecs/service:Service"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
QUEUE = "aws:sqs/queue:Queue"
FUNCTION = "aws:lambda/function:Function"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"


@pytest.mark.parametrize("kind", [ALARM, COMPOSITE])
def test_alarms_tell_a_topic(kind: str) -> None:
    topic = Given(TOPIC, "t", {"arn": UNKNOWN})
    stack_passes(alarm_acts, Given(kind, "a", {"alarmActions": ["arn:topic"]}))
    stack_passes(alarm_acts, Given(kind, "a", {"alarmActions": [UNKNOWN]}))
    depends = {"alarmActions": topic}
    stack_passes(alarm_acts, topic, Given(kind, "a", {"alarmActions": UNKNOWN}, depends))
    without: list[dict[str, Any]] = [{}, {"alarmActions": []}, {"alarmActions": UNKNOWN}]
    for none in without:
        stack_fails(alarm_acts, [Given(kind, "a", none)], ["a"], "alarmActions is empty")


def test_or_decide_about_something_else() -> None:
    named = Given(ALARM, "a", {"name": "errors"})
    rolls_back = {"alarms": {"alarmNames": ["other", "errors"], "enable": True}}
    stack_passes(alarm_acts, named, Given(SERVICE, "s", rolls_back))
    acting = {"alarmActions": ["arn:topic"]}
    for mentioned in ('ALARM("errors")', "ALARM(errors) OR ALARM(other)"):
        composite = Given(COMPOSITE, "c", {**acting, "alarmRule": mentioned})
        stack_passes(alarm_acts, named, composite)
    for other in (
        Given(SERVICE, "s", {"alarms": {"alarmNames": ["errors-2"]}}),
        Given(SERVICE, "s", {"alarms": {}}),
        Given(SERVICE, "s", {}),
        Given(COMPOSITE, "c", {**acting, "alarmRule": 'ALARM("errors-2")'}),
    ):
        stack_fails(alarm_acts, [named, other], ["a"])
    planned = Given(ALARM, "a", {"name": UNKNOWN})
    for kind, name in ((SERVICE, "alarms"), (COMPOSITE, "alarmRule")):
        user = Given(kind, "u", {**acting, name: UNKNOWN}, {name: planned})
        stack_passes(alarm_acts, planned, user)
        stack_waits(alarm_acts, named, Given(kind, "u", {**acting, name: UNKNOWN}))
    part = Given(COMPOSITE, "part", {"alarmName": "part"})
    whole = Given(COMPOSITE, "whole", {**acting, "alarmRule": 'ALARM("part")'})
    stack_passes(alarm_acts, part, whole)


@pytest.mark.parametrize("kind", [ALARM, COMPOSITE])
def test_alarms_are_on(kind: str) -> None:
    passes(alarm_actions_enabled, kind, {})
    passes(alarm_actions_enabled, kind, {"actionsEnabled": True})
    fails(alarm_actions_enabled, kind, {"actionsEnabled": False}, "actionsEnabled is false")
    waits(alarm_actions_enabled, kind, {"actionsEnabled": UNKNOWN})


@pytest.mark.parametrize("kind", [ALARM, COMPOSITE])
def test_somebody_hears_of_alarms(kind: str) -> None:
    rule = alarm_topic_subscribed
    topic = Given(TOPIC, "t", {"id": "arn:t", "arn": "arn:t"})
    alarm = Given(kind, "a", {"alarmActions": ["arn:x", "arn:t"]})
    heard = Given(SUBSCRIPTION, "s", {"topic": "arn:t"})
    stack_passes(rule, topic, alarm, heard)
    said = "subscriptions is none"
    stack_fails(rule, [topic, alarm], ["t"], said, spared_in_staging=True)
    other = Given(SUBSCRIPTION, "s", {"topic": "arn:x"})
    stack_fails(rule, [topic, alarm, other], ["t"], said, spared_in_staging=True)
    stack_passes(rule, topic)
    stack_passes(rule, topic, Given(kind, "a", {"alarmActions": ["arn:x"]}))
    planned = Given(TOPIC, "t", {"id": UNKNOWN, "arn": UNKNOWN})
    telling = Given(kind, "a", {"alarmActions": [UNKNOWN]}, {"alarmActions": planned})
    hearing = Given(SUBSCRIPTION, "s", {"topic": UNKNOWN}, {"topic": planned})
    stack_passes(rule, planned, telling, hearing)
    stack_fails(rule, [planned, telling], ["t"], said, spared_in_staging=True)
    stack_waits(rule, topic, alarm, Given(SUBSCRIPTION, "s", {"topic": UNKNOWN}))


WATCHED = {
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    CACHE: "replicationGroupId",
    **dict.fromkeys(LOAD_BALANCERS, "arnSuffix"),
    SERVICE: "name",
    FUNCTION: "name",
}


@pytest.mark.parametrize("kind", WATCHED)
def test_each_resource_has_an_alarm(kind: str) -> None:
    rule, name = resource_has_alarm, WATCHED[kind]
    watched = Given(kind, "r", {name: "r-1"})
    query = {"metricQueries": [{}, {"metric": {"dimensions": {"Any": "r-1"}}}]}
    direct = {"dimensions": {"Other": "x", "Any": "r-1"}}
    stack_passes(rule, watched, Given(ALARM, "a", direct))
    stack_passes(rule, watched, Given(ALARM, "a", query))
    others: list[dict[str, Any]] = [
        {},
        {"dimensions": {"Any": "r-11"}},
        {"metricQueries": [{"expression": "a"}]},
    ]
    for other in others:
        given = [watched, Given(ALARM, "a", other)]
        stack_fails(rule, given, ["r"], "alarm is missing", spared_in_staging=True)
    planned = Given(kind, "r", {name: UNKNOWN})
    for property_name in ("dimensions", "metricQueries"):
        depending = Given(ALARM, "a", {property_name: UNKNOWN}, {property_name: planned})
        stack_passes(rule, planned, depending)
    stack_waits(rule, planned, Given(ALARM, "a", {"dimensions": {"Any": "x"}}), said=name)


def test_a_node_of_a_cache_is_the_cache() -> None:
    alarm = Given(ALARM, "a", {"dimensions": {"CacheClusterId": "r-1-001"}})
    stack_passes(resource_has_alarm, Given(CACHE, "r", {"replicationGroupId": "r-1"}), alarm)
    function = Given(FUNCTION, "r", {"name": "r-1"})
    stack_fails(resource_has_alarm, [function, alarm], ["r"], spared_in_staging=True)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (FUNCTION, "deadLetterConfig"),
        ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "destinationConfig"),
        ("aws:cloudwatch/eventTarget:EventTarget", "deadLetterConfig"),
        ("aws:scheduler/schedule:Schedule", "target"),
        (SUBSCRIPTION, "redrivePolicy"),
        ("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"),
    ],
)
def test_queues_of_dead_letters_have_an_alarm(kind: str, name: str) -> None:
    dead = Given(QUEUE, "dead", {"name": "dead-1"})
    holder = Given(kind, "h", {"name": "h-1", name: UNKNOWN}, {name: dead})
    watch_holder = Given(ALARM, "b", {"dimensions": {"FunctionName": "h-1"}})
    given = [dead, holder, watch_holder]
    stack_fails(resource_has_alarm, given, ["dead"], spared_in_staging=True)
    alarm = Given(ALARM, "a", {"dimensions": {"QueueName": "dead-1"}})
    stack_passes(resource_has_alarm, *given, alarm)


def test_other_queues_have_none() -> None:
    jobs, dead = Given(QUEUE, "jobs", {"name": "j"}), Given(QUEUE, "dead", {"name": "d"})
    stack_passes(resource_has_alarm, jobs, dead)
    jobs.depends = {"redrivePolicy": dead}
    stack_fails(resource_has_alarm, [jobs, dead], ["dead"], spared_in_staging=True)


def test_one_unknown_resource_leaves_the_others_checked() -> None:
    unknown: Any = Given(FUNCTION, "u", {"name": UNKNOWN})
    alarm = Given(ALARM, "a", {"dimensions": {"FunctionName": "x"}})
    outcome = check_stack(resource_has_alarm, [unknown, Given(FUNCTION, "f", {"name": "f"}), alarm])
    assert outcome.failed == ["f"]
    assert "'u'" in outcome.advisory
