"""Topics, queues, alarms, log filters and events: changes, replacements and refusals."""

import json
from typing import Any

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import LOG_GROUP, MakeOperations, Stack, document
from tests.local.aws.build_monitoring import (
    ALARM,
    COMPOSITE,
    DASHBOARD,
    DATABASE_EVENTS,
    ERROR_RATE,
    ERRORS,
    EVENT_RULE,
    EVENT_TARGET,
    LOG_POLICY,
    LOG_SUBSCRIPTION,
    METRIC_FILTER,
    ONE_METRIC,
    QUERY,
    QUEUE,
    QUEUE_POLICY,
    SUBSCRIPTION,
    TOPIC,
    TOPIC_POLICY,
    WIDGETS,
    build_monitoring,
    publish,
    send,
)

TOPIC_ARN = "arn:aws:sns:ap-southeast-2:123456789012:t"
QUEUE_ARN = "arn:aws:sqs:ap-southeast-2:123456789012:q"
EMAIL = {"topic": TOPIC_ARN, "protocol": "email", "endpoint": "a@example.com"}
FILTER = {"logGroupName": "/g", "pattern": "{ $.status = 500 }"}
TRANSFORMATION = {"name": "n", "namespace": "s", "value": "1"}
KINESIS = "arn:aws:kinesis:ap-southeast-2:123456789012:stream/s"
TARGET = {"rule": "r", "targetId": "t", "arn": QUEUE_ARN}
CRON = "cron(0 2 * * ? *)"


def places(stack: Stack) -> dict[str, int]:
    return {ops.token: i for i, (ops, _, _) in reversed(list(enumerate(stack.created)))}


def test_topics_and_queues_are_changed_in_place(stack: Stack) -> None:
    build_monitoring(stack, "messages")
    place = places(stack)
    topic = stack.update(place[TOPIC], displayName="New", kmsMasterKeyId=None, signatureVersion=1)
    assert (topic["displayName"], topic["signatureVersion"]) == ("New", 1)
    assert "kmsMasterKeyId" not in topic
    policy = document(publish(topic["arn"], "events.amazonaws.com"))
    assert stack.update(place[TOPIC_POLICY], policy=policy)["policy"] == policy

    queue = place[QUEUE] + 1
    changes: Properties = {
        "visibilityTimeoutSeconds": 120,
        "messageRetentionSeconds": 86400,
        "delaySeconds": 5,
        "receiveWaitTimeSeconds": 20,
        "maxMessageSize": 2048,
    }
    found = stack.update(queue, **changes)
    assert {name: found[name] for name in changes} == changes
    assert not stack.update(queue, redrivePolicy=None)["redrivePolicy"]
    key = stack.created[place[QUEUE]][2]["kmsMasterKeyId"]
    encrypted = stack.update(queue, kmsMasterKeyId=key, sqsManagedSseEnabled=None)
    assert encrypted["kmsMasterKeyId"] == key
    plain = stack.update(queue, kmsMasterKeyId=None)
    assert plain["sqsManagedSseEnabled"] is True
    policy = document(send(found["arn"]), {**send(found["arn"]), "Sid": "again"})
    assert stack.update(place[QUEUE_POLICY], policy=policy)["policy"] == policy

    subscription = place[SUBSCRIPTION] + 1
    changes = {
        "filterPolicy": '{"severity": ["low"]}',
        "filterPolicyScope": "MessageAttributes",
        "rawMessageDelivery": False,
    }
    found = stack.update(subscription, **changes)
    assert {name: found[name] for name in changes} == changes
    found = stack.update(subscription, filterPolicy=None, filterPolicyScope=None)
    assert not found.get("filterPolicy")


def test_alarms_and_dashboards_are_changed_in_place(stack: Stack) -> None:
    build_monitoring(stack, "alarms")
    place = places(stack)
    changes: Properties = {
        "threshold": 0.5,
        "treatMissingData": "breaching",
        "dimensions": {"LoadBalancer": "app/other/1"},
        "actionsEnabled": False,
        "alarmDescription": "new",
    }
    found = stack.update(place[ALARM], **changes)
    assert {name: found[name] for name in changes} == changes
    assert found["alarmActions"] == stack.created[place[ALARM]][2]["alarmActions"]
    plain = stack.update(
        place[ALARM],
        extendedStatistic=None,
        evaluateLowSampleCountPercentiles=None,
        statistic="Average",
        alarmActions=None,
    )
    assert plain["statistic"] == "Average"
    assert not plain.get("extendedStatistic")
    assert not plain.get("alarmActions")
    queries = [{**ERROR_RATE[0], "expression": "errors / requests"}, *ERROR_RATE[1:]]
    rate = stack.update(place[ALARM] + 1, metricQueries=queries)
    assert rate["metricQueries"] == queries
    rule = f"ALARM({stack.created[place[ALARM]][1]})"
    assert stack.update(place[COMPOSITE], alarmRule=rule)["alarmRule"] == rule
    body = json.dumps({"widgets": WIDGETS[:1]})
    assert stack.update(place[DASHBOARD], dashboardBody=body)["dashboardBody"] == body


def test_filters_and_events_are_changed_in_place(stack: Stack) -> None:
    build_monitoring(stack, "events")
    place = places(stack)
    transformation = {**TRANSFORMATION, "defaultValue": "0.5"}
    found = stack.update(place[METRIC_FILTER], metricTransformation=transformation)
    assert found["metricTransformation"] == transformation
    assert stack.update(place[METRIC_FILTER], pattern="ERROR")["pattern"] == "ERROR"
    assert stack.update(place[LOG_SUBSCRIPTION], filterPattern="")["filterPattern"] == ""
    policy = document({"Effect": "Deny", "Principal": "*", "Action": "logs:*", "Resource": "*"})
    assert stack.update(place[LOG_POLICY], policyDocument=policy)["policyDocument"] == policy
    query, name, inputs = stack.created[place[QUERY]]
    before = query.read(name, inputs) or {}
    assert stack.update(place[QUERY], queryString="fields @message")["arn"] == before["arn"]
    rule = stack.update(place[EVENT_RULE], eventPattern='{"source": ["aws.rds"]}', state="DISABLED")
    assert (rule["eventPattern"], rule["state"]) == ('{"source": ["aws.rds"]}', "DISABLED")
    rate = stack.update(place[EVENT_RULE] + 1, scheduleExpression="rate(1 hour)")
    assert rate["scheduleExpression"] == "rate(1 hour)"
    target = stack.update(
        place[EVENT_TARGET], inputTransformer=None, inputPath="$.detail", retryPolicy=None
    )
    assert target["inputPath"] == "$.detail"
    assert "inputTransformer" not in target
    events = stack.update(
        place[DATABASE_EVENTS], enabled=False, eventCategories=["low storage"], snsTopic=TOPIC_ARN
    )
    assert (events["enabled"], events["eventCategories"]) == (False, ["low storage"])
    assert events["tags"] == {"Environment": "test"}


@pytest.mark.parametrize(
    ("token", "olds", "changes"),
    [
        (TOPIC, {"name": "a"}, {"name": "b"}),
        (TOPIC_POLICY, {"arn": "a", "policy": "{}"}, {"arn": "b"}),
        (SUBSCRIPTION, EMAIL, {"endpoint": "b@example.com"}),
        (SUBSCRIPTION, EMAIL, {"protocol": "email-json"}),
        (QUEUE, {"name": "a"}, {"name": "b"}),
        (QUEUE, {"name": "a"}, {"fifoQueue": True}),
        (ALARM, {"name": "a"}, {"name": "b"}),
        (COMPOSITE, {"alarmName": "a"}, {"alarmName": "b"}),
        (DASHBOARD, {"dashboardName": "a"}, {"dashboardName": "b"}),
        (METRIC_FILTER, {"name": "a"}, {"name": "b"}),
        (METRIC_FILTER, {"logGroupName": "a"}, {"logGroupName": "b"}),
        (LOG_POLICY, {"policyName": "a"}, {"policyName": "b"}),
        (LOG_SUBSCRIPTION, {"destinationArn": "a"}, {"destinationArn": "b"}),
        (EVENT_RULE, {"name": "a"}, {"name": "b"}),
        (EVENT_TARGET, TARGET, {"targetId": "other"}),
        (EVENT_TARGET, TARGET, {"rule": "other"}),
        (DATABASE_EVENTS, {"name": "a"}, {"name": "b"}),
    ],
)
def test_what_aws_cannot_change_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, changes: Properties
) -> None:
    assert operations(token).diff(olds, {**olds, **changes}).replaces == tuple(changes)


def test_people_confirm_a_subscription_and_a_queue_need_not(stack: Stack) -> None:
    topic, _ = stack.create(TOPIC, "confirm")
    _, queue = stack.create(QUEUE, "confirm")
    _, person = stack.create(SUBSCRIPTION, "person", **{**EMAIL, "topic": topic})
    assert person["pendingConfirmation"] is True
    assert person["confirmationWasAuthenticated"] is False
    to_queue = {"topic": topic, "protocol": "sqs", "endpoint": queue["arn"]}
    assert stack.create(SUBSCRIPTION, "queue", **to_queue)[1]["pendingConfirmation"] is False


def test_a_topic_without_its_policy_has_sns_own_again(stack: Stack, api: Api) -> None:
    topic, _ = stack.create(TOPIC, "policy")
    stack.create(TOPIC_POLICY, "policy", arn=topic, policy=document(publish(topic)))
    operations, resource_id, inputs = stack.created[0]
    now = operations.inputs_now(inputs, operations.read(resource_id, inputs) or {})
    assert operations.diff(inputs, now).changed == ()
    operations, resource_id, inputs = stack.created[1]
    operations.delete(resource_id, inputs)
    assert operations.read(resource_id, inputs) is None
    answer = api.call("sns", Call("get_topic_attributes", {"TopicArn": topic}), {})
    assert "AWS:SourceOwner" in answer["Attributes"]["Policy"]


def test_drift_behind_the_stack_is_read(stack: Stack, api: Api) -> None:
    stack.create(ALARM, "drift", **ONE_METRIC)
    operations, name, inputs = stack.created[0]
    api.call("cloudwatch", Call("disable_alarm_actions", {"AlarmNames": [name]}), {})
    now = operations.inputs_now(inputs, operations.read(name, inputs) or {})
    assert operations.diff(inputs, now).changed == ("actionsEnabled",)
    stack.create(QUEUE, "drift")
    operations, url, inputs = stack.created[1]
    given = {"QueueUrl": url, "Attributes": {"VisibilityTimeout": "5"}}
    api.call("sqs", Call("set_queue_attributes", given), {})
    now = operations.inputs_now(inputs, operations.read(url, inputs) or {})
    assert operations.diff(inputs, now).changed == ("visibilityTimeoutSeconds",)


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-4"])
def test_alarms_and_their_topic_live_in_another_region(stack: Stack, region: str) -> None:
    topic, _ = stack.create(TOPIC, "far", region=region)
    assert topic.split(":")[3] == region
    told = {**EMAIL, "topic": topic, "region": region}
    assert stack.create(SUBSCRIPTION, "far", **told)[1]["arn"].startswith(topic)
    _, alarm = stack.create(ALARM, "far", **ONE_METRIC, alarmActions=[topic], region=region)
    assert alarm["arn"].split(":")[3] == region
    _, queue = stack.create(QUEUE, "far", region=region)
    assert queue["arn"].split(":")[3] == region
    _, rule = stack.create(EVENT_RULE, "far", scheduleExpression=CRON, region=region)
    assert rule["arn"].split(":")[3] == region
    near = stack.operations(ALARM)
    inputs = near.check("near", {}, {**ONE_METRIC, "alarmActions": [topic]}, b"seed")
    assert "Only ap-southeast-2 is supported" in dict(near.refusals(inputs))["alarmActions.0"]


def test_a_rule_with_targets_is_not_deleted(stack: Stack) -> None:
    rule, _ = stack.create(EVENT_RULE, "used", scheduleExpression=CRON)
    _, queue = stack.create(QUEUE, "used")
    stack.create(EVENT_TARGET, "used", rule=rule, arn=queue["arn"])
    operations, resource_id, inputs = stack.created[0]
    with pytest.raises(ApiError, match="can't be deleted since it has targets"):
        operations.delete(resource_id, inputs)


def test_a_target_runs_a_task_in_its_network(stack: Stack) -> None:
    rule, _ = stack.create(EVENT_RULE, "task", scheduleExpression=CRON)
    task = "arn:aws:ecs:ap-southeast-2:123456789012:task-definition/t:1"
    network = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": True}
    wanted = {
        "taskDefinitionArn": task,
        "launchType": "FARGATE",
        "taskCount": 2,
        "networkConfiguration": network,
    }
    cluster = "arn:aws:ecs:ap-southeast-2:123456789012:cluster/c"
    role = "arn:aws:iam::123456789012:role/r"
    given = {"rule": rule, "arn": cluster, "roleArn": role, "ecsTarget": wanted}
    assert stack.create(EVENT_TARGET, "task", **given)[1]["ecsTarget"] == wanted


def test_dead_letters_need_a_queue_and_filters_a_log_group(stack: Stack) -> None:
    redrive = json.dumps({"deadLetterTargetArn": f"{QUEUE_ARN}-none", "maxReceiveCount": 1})
    with pytest.raises(ApiError, match="Dead letter target does not exist"):
        stack.create(QUEUE, "no-dead-letters", redrivePolicy=redrive)
    given = {**FILTER, "metricTransformation": TRANSFORMATION}
    with pytest.raises(ApiError, match="The specified log group does not exist: /g"):
        stack.create(METRIC_FILTER, "nowhere", **given)
    group, _ = stack.create(LOG_GROUP, "somewhere", name="/somewhere")
    stack.create(METRIC_FILTER, "there", **{**given, "logGroupName": group})


def test_a_composite_alarm_is_on_alarms_that_exist(stack: Stack) -> None:
    composite = stack.operations(COMPOSITE)

    def refused(rule: str) -> str:
        return str(list(composite.refusals({"alarmName": "c", "alarmRule": rule})))

    assert "alarms [missing] in the alarm rule do not exist" in refused("ALARM(missing)")
    assert "names no alarm" in refused("TRUE OR FALSE")
    far = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"
    assert "alarms of its own region" in refused(f"ALARM({far})")
    planned = stack.operations(ALARM)
    list(planned.refusals(planned.check("x", {}, {**ONE_METRIC, "name": "planned"}, b"seed")))
    assert refused("NOT (ALARM(planned) AND OK('planned'))") == "[]"
    assert refused("ALARM(planned") != "[]"


def alarm(**changes: Any) -> Properties:
    return {k: v for k, v in {**ONE_METRIC, **changes}.items() if v is not None}


def rate(*queries: Properties, **changes: Any) -> Properties:
    return {**ERRORS, "metricQueries": list(queries), **changes}


def widget(**changes: Any) -> Properties:
    body = {"widgets": [{**WIDGETS[0], **changes}]}
    return {"dashboardName": "d", "dashboardBody": json.dumps(body)}


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        *(
            (ALARM, properties, where, reason)
            for properties, where, reason in (
                (alarm(period=45), "period", "not 10, 20, 30 or a multiple of 60"),
                (alarm(period=90), "period", "not 10, 20, 30 or a multiple of 60"),
                (alarm(period=60, evaluationPeriods=1441), "period", "more than 1 day"),
                (alarm(period=3600, evaluationPeriods=169), "period", "more than 7 day"),
                (alarm(metricQueries=ERROR_RATE), "metricName", "exclude each other"),
                (alarm(metricName=None), "metricName", "a metricName or metricQueries"),
                (alarm(statistic="Sum"), "statistic", "either a statistic or an"),
                (alarm(extendedStatistic=None), "statistic", "either a statistic or an"),
                (alarm(extendedStatistic="p101"), "extendedStatistic", "no statistic such as"),
                (alarm(extendedStatistic=None, statistic="Median"), "statistic", "not one of"),
                (alarm(threshold=None), "threshold", "a threshold or"),
                (alarm(namespace=None), "namespace", "required with metricName"),
                (alarm(datapointsToAlarm=4), "datapointsToAlarm", "from 1 to evaluationPeriods"),
                (alarm(treatMissingData="ok"), "treatMissingData", "breaching"),
                (alarm(comparisonOperator="Above"), "comparisonOperator", "is not one of"),
                (alarm(dimensions={str(n): "v" for n in range(31)}), "dimensions", "at most 30"),
                (alarm(alarmActions=["me"]), "alarmActions.0", "Invalid arn syntax"),
                (alarm(alarmActions=[TOPIC_ARN] * 6), "alarmActions", "at most 5"),
                (
                    alarm(okActions=[TOPIC_ARN.replace("ap-southeast-2", "us-east-1")]),
                    "okActions.0",
                    "Invalid region us-east-1 specified",
                ),
                (rate(*ERROR_RATE[1:]), "metricQueries", "should return data"),
                (rate(*ERROR_RATE, ERROR_RATE[1]), "metricQueries", "the same id"),
                (rate(*ERROR_RATE[:2]), "metricQueries.0.expression", "requests in the expression"),
                (
                    rate({"id": "Big", "expression": "1", "returnData": True}),
                    "metricQueries.0.id",
                    "the first a small letter",
                ),
                (
                    rate({"id": "a", "returnData": True}),
                    "metricQueries.0",
                    "either an expression or a metric",
                ),
            )
        ),
        *(
            (COMPOSITE, {"alarmName": "c", "alarmRule": rule}, "alarmRule", "AlarmRule is not")
            for rule in (
                "ALARM(",
                "ALARM(a) ALARM(b)",
                "a OR b",
                "ALARM(a) XOR OK(b)",
                "(OK(a)",
                "",
            )
        ),
        (DASHBOARD, {"dashboardName": "d", "dashboardBody": "{"}, "dashboardBody", "JSON object"),
        (
            DASHBOARD,
            {"dashboardName": "d", "dashboardBody": json.dumps({"widgets": [WIDGETS[0]] * 501})},
            "dashboardBody",
            "501 widgets; at most 500",
        ),
        (DASHBOARD, widget(type="pie"), "dashboardBody", "/widgets/0/type: one of metric"),
        (DASHBOARD, widget(properties={}), "dashboardBody", "required property 'markdown'"),
        (DASHBOARD, widget(x=4), "dashboardBody", "right of column 24"),
        (DASHBOARD, widget(width=25), "dashboardBody", "no number from 1 to 24"),
        (DASHBOARD, {**widget(), "dashboardName": "a b"}, "dashboardName", "letters, digits"),
        (TOPIC, {"name": "with space"}, "name", "up to 256 letters"),
        (TOPIC, {"name": "a", "fifoTopic": True}, "name", "ends in .fifo"),
        (TOPIC, {"displayName": "x" * 101}, "displayName", "100"),
        (TOPIC, {"signatureVersion": 3}, "signatureVersion", "1 or 2"),
        (TOPIC_POLICY, {"arn": TOPIC_ARN, "policy": "{"}, "policy", "JSON"),
        (
            TOPIC_POLICY,
            {"arn": TOPIC_ARN, "policy": document(publish(f"{TOPIC_ARN}-other"))},
            "policy",
            "is not this topic",
        ),
        (
            TOPIC_POLICY,
            {"arn": TOPIC_ARN, "policy": document({**publish(TOPIC_ARN), "Action": "sqs:*"})},
            "policy",
            "out of service scope",
        ),
        *(
            (SUBSCRIPTION, {**EMAIL, **changes}, where, reason)
            for changes, where, reason in (
                ({"protocol": "https", "endpoint": "http://a"}, "endpoint", "match the specified"),
                ({"protocol": "http", "endpoint": "https://a"}, "endpoint", "match the specified"),
                ({"endpoint": "nobody"}, "endpoint", "Email address"),
                ({"protocol": "sqs"}, "endpoint", "SQS endpoint ARN"),
                ({"protocol": "pigeon"}, "protocol", "is not one of"),
                ({"rawMessageDelivery": True}, "rawMessageDelivery", "does not support raw"),
                ({"filterPolicy": "{"}, "filterPolicy", "JSON"),
                ({"redrivePolicy": '{"target": "a"}'}, "redrivePolicy", "deadLetterTargetArn"),
                (
                    {"topic": TOPIC_ARN.replace("ap-southeast-2", "us-east-1")},
                    "topic",
                    "give it region='us-east-1'",
                ),
            )
        ),
        (QUEUE, {"name": "x" * 81}, "name", "1 to 80 in length"),
        (QUEUE, {"name": "a.fifo"}, "name", "ends in .fifo"),
        (QUEUE, {"visibilityTimeoutSeconds": 43201}, "visibilityTimeoutSeconds", "43200"),
        (QUEUE, {"messageRetentionSeconds": 59}, "messageRetentionSeconds", "60"),
        (
            QUEUE,
            {"sqsManagedSseEnabled": True, "kmsMasterKeyId": "alias/a"},
            "sqsManagedSseEnabled",
            "one type of server-side encryption",
        ),
        *(
            (QUEUE, {"redrivePolicy": json.dumps(policy)}, "redrivePolicy", reason)
            for policy, reason in (
                ({"deadLetterTargetArn": QUEUE_ARN}, "mandatory attributes"),
                ({"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": 0}, "from 1 to 1000"),
                (
                    {"deadLetterTargetArn": "dead", "maxReceiveCount": 1},
                    "deadLetterTargetArn: dead",
                ),
            )
        ),
        (QUEUE, {"contentBasedDeduplication": True}, "contentBasedDeduplication", "FIFO queue's"),
        (
            QUEUE_POLICY,
            {"queueUrl": UNKNOWN, "policy": document({**send(QUEUE_ARN), "Action": "sns:Publish"})},
            "policy",
            "out of service scope",
        ),
        *(
            (METRIC_FILTER, {**FILTER, "metricTransformation": TRANSFORMATION, **changes}, at, why)
            for changes, at, why in (
                ({"pattern": "{ $.a = 1"}, "pattern", "not closed"),
                ({"pattern": "{ status = 500 }"}, "pattern", "no comparison"),
                ({"pattern": "{ ($.a = 1 }"}, "pattern", "a bracket is not closed"),
                ({"pattern": "user@host"}, "pattern", "Invalid character(s) in term '@'"),
                (
                    {"metricTransformation": {**TRANSFORMATION, "value": "one"}},
                    "metricTransformation.value",
                    "a number or a $ field",
                ),
                (
                    {"metricTransformation": {**TRANSFORMATION, "namespace": "a:b"}},
                    "metricTransformation.namespace",
                    "without : * $",
                ),
                (
                    {
                        "metricTransformation": {
                            **TRANSFORMATION,
                            "defaultValue": "0",
                            "dimensions": {"a": "$.a"},
                        }
                    },
                    "metricTransformation.dimensions",
                    "no default value",
                ),
            )
        ),
        (
            LOG_SUBSCRIPTION,
            {"logGroup": "/g", "filterPattern": "", "destinationArn": TOPIC_ARN},
            "destinationArn",
            "no Kinesis or Firehose",
        ),
        (
            LOG_SUBSCRIPTION,
            {"logGroup": "/g", "filterPattern": "", "destinationArn": KINESIS},
            "roleArn",
            "cannot be used without roleArn",
        ),
        (LOG_POLICY, {"policyName": "p", "policyDocument": "{"}, "policyDocument", "JSON"),
        *(
            (EVENT_RULE, {"scheduleExpression": text}, "scheduleExpression", "is not valid")
            for text in (
                "cron(0 2 * * *)",
                "rate(1 minutes)",
                "rate(5 minute)",
                "at(2027-01-01T00:00:00)",
            )
        ),
        (EVENT_RULE, {}, "eventPattern", "must be specified"),
        (EVENT_RULE, {"eventPattern": "{"}, "eventPattern", "JSON"),
        (
            EVENT_RULE,
            {"eventPattern": '{"source": "aws.rds"}'},
            "eventPattern",
            '"source" must be an object or an array',
        ),
        *(
            (EVENT_TARGET, {**TARGET, **changes}, where, reason)
            for changes, where, reason in (
                ({"input": "not json"}, "input", "no JSON"),
                ({"input": "{}", "inputPath": "$"}, "inputPath", "only one of"),
                ({"arn": "queue"}, "arn", "not in correct format"),
                ({"ecsTarget": {"taskDefinitionArn": "t"}}, "roleArn", "RoleArn is required"),
                ({"deadLetterConfig": {"arn": TOPIC_ARN}}, "deadLetterConfig.arn", "SQS queue"),
                (
                    {"retryPolicy": {"maximumEventAgeInSeconds": 1}},
                    "retryPolicy.maximumEventAgeInSeconds",
                    "from 60 to 86400",
                ),
            )
        ),
        (DATABASE_EVENTS, {"snsTopic": QUEUE_ARN}, "snsTopic", "is no topic"),
        (
            DATABASE_EVENTS,
            {"snsTopic": TOPIC_ARN, "sourceIds": ["db"]},
            "sourceType",
            "SourceIds need a SourceType",
        ),
    ],
)
def test_what_aws_refuses_is_refused_at_preview(
    operations: MakeOperations, token: str, properties: Properties, where: str, reason: str
) -> None:
    resource = operations(token)
    inputs = resource.check("name", {}, properties, b"seed")
    refusals = list(resource.refusals(inputs))
    assert [why for at, why in refusals if at.startswith(where) and reason in why], refusals


@pytest.mark.parametrize(
    "token",
    [TOPIC_POLICY, SUBSCRIPTION, ALARM, COMPOSITE, DASHBOARD, METRIC_FILTER, EVENT_TARGET],
)
def test_what_is_not_known_yet_is_not_refused(operations: MakeOperations, token: str) -> None:
    resource = operations(token)
    known = {ALARM: alarm(dimensions=UNKNOWN, alarmActions=[UNKNOWN])}
    required = {
        TOPIC_POLICY: ("arn", "policy"),
        SUBSCRIPTION: ("topic", "endpoint"),
        COMPOSITE: ("alarmRule",),
        DASHBOARD: ("dashboardBody",),
        METRIC_FILTER: ("logGroupName", "pattern", "metricTransformation"),
        EVENT_TARGET: ("rule", "arn", "input"),
    }
    names = {SUBSCRIPTION: {"protocol": "sqs"}, COMPOSITE: {"alarmName": "c"}}
    named = {**names, DASHBOARD: {"dashboardName": "d"}}.get(token, {})
    given = known.get(token) or {**named, **dict.fromkeys(required[token], UNKNOWN)}
    assert list(resource.refusals(resource.check("name", {}, given, b"seed"))) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "ERROR -debug ?warn",
        '"two words"',
        "[ip, user, status = 5*, bytes]",
        '{ $.level = "error" && ($.status >= 500 || $.status IS TRUE) }',
        "{ $.request.id EXISTS }",
        "{ $.items[0].name != null }",
        "%5[0-9]{2}%",
    ],
)
def test_patterns_that_cloudwatch_takes_are_taken(operations: MakeOperations, pattern: str) -> None:
    given = {**FILTER, "pattern": pattern, "metricTransformation": TRANSFORMATION, "name": "n"}
    assert list(operations(METRIC_FILTER).refusals(given)) == []
