"""Functions, schedules and state machines, as a platform such as this sets them."""

import json
from typing import Any

from local.providers.aws.api import Api
from local.providers.aws.archives import ARCHIVE, ASSET, SIGNATURE
from local.providers.aws.rows import Call
from tests.local.aws.build import (
    GROUP,
    KEY,
    LOG_GROUP,
    ROLE,
    ROOT,
    SENTINEL,
    SUBNET,
    VPC,
    Stack,
    document,
    trust,
)

FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
ALIAS = "aws:lambda/alias:Alias"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
SCHEDULE = "aws:scheduler/schedule:Schedule"
SCHEDULE_GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
STATE_MACHINE = "aws:sfn/stateMachine:StateMachine"

RULE_ARN = "arn:aws:events:ap-southeast-2:123456789012:rule/nightly"
QUEUE_ARN = "arn:aws:sqs:ap-southeast-2:123456789012:dead-letters"


def code(text: str = "def handler(event, context): ...") -> dict[str, Any]:
    """An archive of one file as the engine sends it, with the hash of its content."""
    asset = {SIGNATURE: ASSET, "text": text, "hash": f"hash of {text}"}
    return {SIGNATURE: ARCHIVE, "assets": {"backup.py": asset}, "hash": f"archive of {text}"}


def machine(**states: Any) -> str:
    return json.dumps({"StartAt": "First", "States": {"First": {"Type": "Succeed"}, **states}})


def make_queue(api: Api, name: str, seconds: int = 300) -> str:
    attributes = {"VisibilityTimeout": str(seconds)}
    params = {"QueueName": name, "Attributes": attributes}
    api.call("sqs", Call("create_queue"), {}, params)
    return f"arn:aws:sqs:{api.region}:123456789012:{name}"


def make_stream(api: Api, name: str) -> str:
    api.call("kinesis", Call("create_stream"), {}, {"StreamName": name, "ShardCount": 1})
    return f"arn:aws:kinesis:{api.region}:123456789012:stream/{name}"


def build_functions(stack: Stack, suffix: str) -> None:
    api = stack.operations(FUNCTION).api
    vpc, _ = stack.create(VPC, "main", cidrBlock="10.0.0.0/16")
    subnets = [
        stack.create(SUBNET, f"s{zone}", vpcId=vpc, cidrBlock=f"10.0.{i}.0/24")[0]
        for i, zone in enumerate("ab", 1)
    ]
    group, _ = stack.create(GROUP, "function", vpcId=vpc)
    _, key = stack.create(KEY, "functions", policy=document(ROOT))
    _, logs = stack.create(LOG_GROUP, "logs", name=f"/aws/lambda/backup-{suffix}")
    _, role = stack.create(
        ROLE, f"function-{suffix}", assumeRolePolicy=trust("lambda.amazonaws.com")
    )
    function, outputs = stack.create(
        FUNCTION,
        "backup",
        name=f"backup-{suffix}",
        description="nightly export",
        code=code(),
        runtime="python3.13",
        handler="operations.handlers.backup.handler",
        role=role["arn"],
        timeout=60,
        memorySize=256,
        architectures=["arm64"],
        environment={"variables": {"BUCKET": "backups", "TOKEN": SENTINEL}},
        kmsKeyArn=key["arn"],
        deadLetterConfig={"targetArn": QUEUE_ARN},
        tracingConfig={"mode": "Active"},
        loggingConfig={
            "logFormat": "JSON",
            "logGroup": logs["name"],
            "applicationLogLevel": "INFO",
            "systemLogLevel": "WARN",
        },
        ephemeralStorage={"size": 1024},
        vpcConfig={"subnetIds": subnets, "securityGroupIds": [group]},
        reservedConcurrentExecutions=2,
        publish=True,
    )
    stack.create(
        FUNCTION,
        f"plain-{suffix}",
        code=code(),
        runtime="python3.13",
        handler="backup.handler",
        role=role["arn"],
    )
    stack.create(
        PERMISSION,
        "rule",
        function=function,
        action="lambda:InvokeFunction",
        principal="events.amazonaws.com",
        sourceArn=RULE_ARN,
        sourceAccount="123456789012",
    )
    stack.create(
        INVOKE_CONFIG,
        "backup",
        functionName=function,
        maximumEventAgeInSeconds=3600,
        maximumRetryAttempts=1,
        destinationConfig={"onFailure": {"destination": QUEUE_ARN}},
    )
    stack.create(ALIAS, "live", name="live", functionName=function, functionVersion="1")
    stack.create(
        MAPPING,
        "queue",
        eventSourceArn=make_queue(api, f"events-{suffix}"),
        functionName=outputs["arn"],
        batchSize=5,
        functionResponseTypes=["ReportBatchItemFailures"],
        filterCriteria={"filters": [{"pattern": '{"body": {"kind": ["deploy"]}}'}]},
        scalingConfig={"maximumConcurrency": 5},
    )
    stack.create(
        MAPPING,
        "stream",
        eventSourceArn=make_stream(api, f"clicks-{suffix}"),
        functionName=function,
        startingPosition="LATEST",
        batchSize=100,
        bisectBatchOnFunctionError=True,
        maximumRecordAgeInSeconds=3600,
        maximumRetryAttempts=3,
        parallelizationFactor=2,
        destinationConfig={"onFailure": {"destinationArn": QUEUE_ARN}},
    )
    build_schedules(stack, suffix, function_arn=outputs["arn"], key_arn=key["arn"])
    build_state_machine(stack, suffix, log_group_arn=logs["arn"])


def build_schedules(stack: Stack, suffix: str, *, function_arn: str, key_arn: str) -> None:
    _, role = stack.create(
        ROLE, f"schedule-{suffix}", assumeRolePolicy=trust("scheduler.amazonaws.com")
    )
    group, _ = stack.create(SCHEDULE_GROUP, f"platform-{suffix}")
    stack.create(
        SCHEDULE,
        "nightly",
        name=f"nightly-{suffix}",
        groupName=group,
        description="02:00 in Brisbane",
        scheduleExpression="cron(0 2 * * ? *)",
        scheduleExpressionTimezone="Australia/Brisbane",
        flexibleTimeWindow={"mode": "FLEXIBLE", "maximumWindowInMinutes": 15},
        kmsKeyArn=key_arn,
        state="ENABLED",
        target={
            "arn": function_arn,
            "roleArn": role["arn"],
            "input": json.dumps({"kind": "nightly"}),
            "deadLetterConfig": {"arn": QUEUE_ARN},
            "retryPolicy": {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 2},
        },
    )
    stack.create(
        SCHEDULE,
        f"hourly-{suffix}",
        scheduleExpression="rate(1 hour)",
        flexibleTimeWindow={"mode": "OFF"},
        target={"arn": function_arn, "roleArn": role["arn"]},
    )


def build_state_machine(stack: Stack, suffix: str, *, log_group_arn: str) -> None:
    _, role = stack.create(ROLE, f"states-{suffix}", assumeRolePolicy=trust("states.amazonaws.com"))
    stack.create(
        STATE_MACHINE,
        f"recovery-{suffix}",
        definition=machine(),
        roleArn=role["arn"],
        type="STANDARD",
        loggingConfiguration={
            "level": "ERROR",
            "includeExecutionData": False,
            "logDestination": f"{log_group_arn}:*",
        },
        tracingConfiguration={"enabled": True},
    )
