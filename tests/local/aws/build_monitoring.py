"""Topics, queues, alarms, log filters and events as the engine would create them."""

import json

from local.providers.aws.rows import Call
from tests.local.aws.build import KEY, LOG_GROUP, ROLE, ROOT, Stack, document, trust

TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
METRIC_FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
LOG_POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
LOG_SUBSCRIPTION = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter"
QUERY = "aws:cloudwatch/queryDefinition:QueryDefinition"
EVENT_RULE = "aws:cloudwatch/eventRule:EventRule"
EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget"
DATABASE_EVENTS = "aws:rds/eventSubscription:EventSubscription"

ERRORS = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 3,
    "datapointsToAlarm": 2,
    "threshold": 1.5,
}
ONE_METRIC = {
    **ERRORS,
    "namespace": "AWS/ApplicationELB",
    "metricName": "TargetResponseTime",
    "dimensions": {"LoadBalancer": "app/api/1", "TargetGroup": "targetgroup/api/2"},
    "extendedStatistic": "p99",
    "period": 60,
}


def _count(name: str) -> dict[str, object]:
    return {
        "namespace": "AWS/ApplicationELB",
        "metricName": name,
        "dimensions": {"LoadBalancer": "app/api/1"},
        "period": 60,
        "stat": "Sum",
    }


ERROR_RATE = [
    {"id": "rate", "expression": "100 * errors / requests", "label": "rate", "returnData": True},
    {"id": "errors", "metric": _count("HTTPCode_Target_5XX_Count"), "returnData": False},
    {"id": "requests", "metric": _count("RequestCount"), "returnData": False},
]

WIDGETS = [
    {"type": "text", "x": 0, "y": 0, "width": 24, "height": 1, "properties": {"markdown": "# A"}},
    {
        "type": "metric",
        "width": 12,
        "height": 6,
        "properties": {"region": "ap-southeast-2", "metrics": [["AWS/RDS", "CPUUtilization"]]},
    },
]


def publish(topic: str, service: str = "cloudwatch.amazonaws.com") -> dict[str, object]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": topic,
    }


def send(queue: str) -> dict[str, object]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }


def build_monitoring(stack: Stack, suffix: str) -> None:
    _, key = stack.create(KEY, "messages", policy=document(ROOT))
    topic, _ = stack.create(
        TOPIC,
        f"alarms-{suffix}",
        displayName="Alarms",
        kmsMasterKeyId=key["arn"],
        signatureVersion=2,
        tracingConfig="PassThrough",
    )
    stack.create(TOPIC_POLICY, "alarms", arn=topic, policy=document(publish(topic)))
    _, dead = stack.create(
        QUEUE, f"dead-{suffix}", kmsMasterKeyId=key["arn"], messageRetentionSeconds=1209600
    )
    redrive = {"deadLetterTargetArn": dead["arn"], "maxReceiveCount": 5}
    url, queue = stack.create(
        QUEUE,
        f"events-{suffix}",
        sqsManagedSseEnabled=True,
        visibilityTimeoutSeconds=60,
        redrivePolicy=json.dumps(redrive),
    )
    stack.create(QUEUE_POLICY, "events", queueUrl=url, policy=document(send(queue["arn"])))
    stack.create(
        SUBSCRIPTION, "people", topic=topic, protocol="email", endpoint="on-call@example.com"
    )
    stack.create(
        SUBSCRIPTION,
        "queue",
        topic=topic,
        protocol="sqs",
        endpoint=queue["arn"],
        rawMessageDelivery=True,
        filterPolicy=json.dumps({"severity": ["high"]}),
        filterPolicyScope="MessageBody",
        redrivePolicy=json.dumps({"deadLetterTargetArn": dead["arn"]}),
    )
    told = {"alarmActions": [topic], "okActions": [topic]}
    slow, _ = stack.create(
        ALARM,
        f"slow-{suffix}",
        **ONE_METRIC,
        **told,
        alarmDescription="slow",
        evaluateLowSampleCountPercentiles="ignore",
        treatMissingData="notBreaching",
    )
    rate, _ = stack.create(ALARM, f"rate-{suffix}", **ERRORS, **told, metricQueries=ERROR_RATE)
    stack.create(
        COMPOSITE,
        "unhealthy",
        alarmName=f"unhealthy-{suffix}",
        alarmRule=f'ALARM({slow}) OR (ALARM("{rate}") AND NOT OK({slow}))',
        alarmActions=[topic],
        alarmDescription="unhealthy",
    )
    body = json.dumps({"widgets": WIDGETS})
    stack.create(DASHBOARD, "main", dashboardName=f"main-{suffix}", dashboardBody=body)
    build_log_filters(stack, suffix)
    rule, _ = stack.create(
        EVENT_RULE,
        f"failures-{suffix}",
        description="failures",
        eventPattern=json.dumps({"source": ["aws.backup"], "detail": {"state": ["FAILED"]}}),
    )
    nightly, _ = stack.create(EVENT_RULE, f"n-{suffix}", scheduleExpression="cron(0 2 * * ? *)")
    stack.create(
        EVENT_TARGET,
        "topic",
        rule=rule,
        targetId="topic",
        arn=topic,
        inputTransformer={
            "inputPaths": {"state": "$.detail.state"},
            "inputTemplate": '"A backup is <state>"',
        },
        deadLetterConfig={"arn": dead["arn"]},
        retryPolicy={"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 3},
    )
    stack.create(EVENT_TARGET, "queue", rule=nightly, arn=queue["arn"], input='{"run": "backup"}')
    stack.create(
        DATABASE_EVENTS,
        f"database-{suffix}",
        snsTopic=topic,
        sourceType="db-instance",
        eventCategories=["failure", "failover"],
    )


def build_log_filters(stack: Stack, suffix: str) -> None:
    _, group = stack.create(LOG_GROUP, "api", name=f"/{suffix}/api")
    stack.create(
        METRIC_FILTER,
        f"errors-{suffix}",
        logGroupName=group["name"],
        pattern='{ $.level = "error" && $.status >= 500 }',
        metricTransformation={
            "name": "Errors",
            "namespace": "AussieMarkets/API",
            "value": "1",
            "defaultValue": "0",
            "unit": "Count",
        },
    )
    stack.create(
        METRIC_FILTER,
        "latency",
        logGroupName=group["name"],
        pattern="{ $.duration > 0 }",
        metricTransformation={
            "name": "Latency",
            "namespace": "AussieMarkets/API",
            "value": "$.duration",
            "dimensions": {"Route": "$.route"},
        },
    )
    write = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "*",
    }
    stack.create(
        LOG_POLICY, "events", policyName=f"events-{suffix}", policyDocument=document(write)
    )
    api = stack.operations(LOG_SUBSCRIPTION).api
    stream = f"security-{suffix}"
    api.call("kinesis", Call("create_stream"), {}, {"StreamName": stream, "ShardCount": 1})
    _, role = stack.create(ROLE, f"logs-{suffix}", assumeRolePolicy=trust("logs.amazonaws.com"))
    stack.create(
        LOG_SUBSCRIPTION,
        f"security-{suffix}",
        logGroup=group["name"],
        filterPattern='{ $.type = "security" }',
        destinationArn=f"arn:aws:kinesis:{api.region}:{api.account}:stream/{stream}",
        roleArn=role["arn"],
    )
    stack.create(
        QUERY,
        f"slow-{suffix}",
        logGroupNames=[group["name"]],
        queryString="fields @timestamp, @message | sort @timestamp desc",
    )
