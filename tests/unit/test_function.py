"""A scheduled function: exact inputs, order, and that nothing may do more than it must."""

import json
from typing import Any, Final

import pytest

from components.function import Function, FunctionArgs, ScheduledEvent
from components.naming import Names
from tests.unit.conftest import ACCOUNT_ID, Deployment, Registered, RunOnce, deploy, settings_of
from tests.unit.iam import Request, allowed

FUNCTION: Final = "aussie-markets:function:Function"
LAMBDA: Final = "aws:lambda/function:Function"
RETRIES: Final = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
GROUP: Final = "aws:scheduler/scheduleGroup:ScheduleGroup"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
QUEUE: Final = "aws:sqs/queue:Queue"
QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"
ROLE: Final = "aws:iam/role:Role"
RIGHTS: Final = "aws:iam/rolePolicy:RolePolicy"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

REGION: Final = "ap-southeast-2"
KEY: Final = "arn:messages-key"
FUNCTION_ARN: Final = "arn:aws:mock:::function/cleaner-code-arn"
QUEUE_ARN: Final = "arn:aws:mock:::queue/cleaner-dead-letters-arn"
LOG_ARN: Final = "arn:aws:mock:::log-group/cleaner-log-arn"
GROUP_ARN: Final = "arn:aws:mock:::schedule-group/cleaner-times-arn"
STATEMENT: Final = {
    "Sid": "Clean",
    "Effect": "Allow",
    "Action": "s3:DeleteObject",
    "Resource": "arn:aws:s3:::dust/*",
}


@RunOnce
def function(stack: str = "staging", *, preview: bool = False, **values: object) -> Deployment:
    settings = settings_of(stack, {"functions": values})

    def program() -> None:
        Function(
            "cleaner",
            FunctionArgs(
                names=Names(settings.environment),
                region=REGION,
                account_id=ACCOUNT_ID,
                settings=settings.functions,
                function="cleaner",
                handler="operations.handlers.cleaner.handler",
                description="Cleans up",
                environment={"BUCKET": "dust"},
                statements=[STATEMENT],
                schedules={
                    "nightly": ScheduledEvent("cron(0 3 * * ? *)", {"step": "sweep"}),
                    "hourly": ScheduledEvent("rate(1 hour)", {}),
                },
                time_zone="Australia/Brisbane",
                log_key_arn="arn:log-key",
                messages_key_arn=KEY,
            ),
        )

    return deploy(program, stack, preview=preview)


def rights(deployment: Deployment, label: str) -> str:
    policy: str = deployment.of(RIGHTS)[f"cleaner-{label}"].inputs["policy"]
    return policy


def inputs_but(resource: Registered, *names: str) -> dict[str, Any]:
    return {key: value for key, value in resource.inputs.items() if key not in names}


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = function(stack, preview=preview)
    component = deployment.only(FUNCTION)
    children = [resource for resource in deployment.resources if resource is not component]
    assert deployment.counts() == {
        FUNCTION: 1,
        LAMBDA: 1,
        RETRIES: 1,
        SCHEDULE: 2,
        GROUP: 1,
        LOG_GROUP: 1,
        QUEUE: 1,
        QUEUE_POLICY: 1,
        ROLE: 2,
        RIGHTS: 2,
    }
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("cleaner-")
        assert not child.protect
        assert not child.retain_on_delete
        assert child.delete_before_replace == (child.type == LAMBDA)
        assert child.ignore_changes == ()


@BOTH
def test_the_function(stack: str) -> None:
    deployment = function(stack)
    found = deployment.only(LAMBDA)
    assert inputs_but(found, "code") == {
        "name": f"aussie-markets-cleaner-{stack}",
        "description": "Cleans up",
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": "operations.handlers.cleaner.handler",
        "memorySize": 256,
        "timeout": 300,
        "role": "arn:aws:mock:::role/cleaner-lambda-arn",
        "environment": {"variables": {"ENVIRONMENT": stack, "BUCKET": "dust"}},
        "kmsKeyArn": KEY,
        "loggingConfig": {
            "logFormat": "JSON",
            "logGroup": f"/aws/lambda/aussie-markets-cleaner-{stack}",
            "applicationLogLevel": "INFO",
            "systemLogLevel": "INFO",
        },
        "tracingConfig": {"mode": "Active"},
        "deadLetterConfig": {"targetArn": QUEUE_ARN},
    }
    assert "operations/handlers/backup.py" in found.inputs["code"]["assets"]
    assert deployment.only(RETRIES).inputs == {
        "functionName": f"aussie-markets-cleaner-{stack}",
        "maximumEventAgeInSeconds": 3600,
        "maximumRetryAttempts": 2,
    }


def test_concurrency_is_reserved_by_setting_alone() -> None:
    found = function("production", reserved_concurrency=3).only(LAMBDA)
    assert found.inputs["reservedConcurrentExecutions"] == 3


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_log_and_queue_come_before_the_function_and_are_encrypted(stack: str, days: int) -> None:
    deployment = function(stack)
    log_group, queue = deployment.only(LOG_GROUP), deployment.only(QUEUE)
    assert log_group.inputs == {
        "name": f"/aws/lambda/aussie-markets-cleaner-{stack}",
        "retentionInDays": days,
        "kmsKeyId": "arn:log-key",
    }
    assert queue.inputs == {"kmsMasterKeyId": KEY, "messageRetentionSeconds": 14 * 24 * 3600}
    needed = deployment.only(LAMBDA).depends_on
    own_rights = deployment.of(RIGHTS)["cleaner-lambda"]
    assert {log_group.urn, queue.urn, own_rights.urn} <= needed


def test_nobody_reaches_the_queue_without_tls() -> None:
    deployment = function()
    policy = deployment.only(QUEUE_POLICY).inputs["policy"]
    assert [each["Effect"] for each in json.loads(policy)["Statement"]] == ["Deny"]
    assert json.loads(policy)["Statement"][0]["Condition"] == {
        "Bool": {"aws:SecureTransport": "false"}
    }


def test_the_schedules() -> None:
    deployment = function()
    target = {
        "arn": FUNCTION_ARN,
        "roleArn": "arn:aws:mock:::role/cleaner-invoke-arn",
        "retryPolicy": {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 185},
        "deadLetterConfig": {"arn": QUEUE_ARN},
    }
    common = {
        "groupName": deployment.only(GROUP).outputs["name"],
        "scheduleExpressionTimezone": "Australia/Brisbane",
        "flexibleTimeWindow": {"mode": "OFF"},
    }
    found = deployment.of(SCHEDULE)
    assert {name: each.inputs for name, each in found.items()} == {
        "cleaner-nightly": {
            **common,
            "scheduleExpression": "cron(0 3 * * ? *)",
            "target": {**target, "input": '{"step": "sweep"}'},
        },
        "cleaner-hourly": {
            **common,
            "scheduleExpression": "rate(1 hour)",
            "target": {**target, "input": "{}"},
        },
    }
    before = {deployment.of(RIGHTS)["cleaner-invoke"].urn, deployment.only(RETRIES).urn}
    assert all(before <= each.depends_on for each in found.values())


def test_whom_the_roles_are_for() -> None:
    deployment = function()
    own, schedules = (
        json.loads(deployment.of(ROLE)[f"cleaner-{label}"].inputs["assumeRolePolicy"])
        for label in ("lambda", "invoke")
    )
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    assert own["Statement"] == [{**assume, "Principal": {"Service": "lambda.amazonaws.com"}}]
    assert schedules["Statement"] == [
        {
            **assume,
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
                "ArnLike": {"aws:SourceArn": GROUP_ARN},
            },
        }
    ]


DEAD_LETTERS: Final = [
    (Request("sqs:SendMessage", QUEUE_ARN), True),
    (Request("sqs:SendMessage", f"{QUEUE_ARN}-other"), False),
    (Request("sqs:ReceiveMessage", QUEUE_ARN), False),
    *(
        (Request(action, KEY, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}), expected)
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
        for service, expected in (("sqs", True), ("sns", False))
    ),
    (Request("kms:Decrypt", KEY), False),
    (Request("kms:Encrypt", KEY, {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}), False),
]

OWN_ARN: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:aussie-markets-cleaner-staging"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        *DEAD_LETTERS,
        (Request("s3:DeleteObject", "arn:aws:s3:::dust/a"), True),
        (Request("s3:DeleteObject", "arn:aws:s3:::gold/a"), False),
        (Request("logs:CreateLogStream", f"{LOG_ARN}:log-stream:a"), True),
        (Request("logs:PutLogEvents", f"{LOG_ARN}:log-stream:a"), True),
        (Request("logs:PutLogEvents", f"{LOG_ARN}-other:log-stream:a"), False),
        (Request("logs:CreateLogGroup", LOG_ARN), False),
        (Request("logs:CreateLogGroup", f"{LOG_ARN}:log-stream:"), False),
        (Request("xray:PutTraceSegments"), True),
        (Request("xray:PutTelemetryRecords"), True),
        *(
            (Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": name}), expected)
            for name, expected in (("AussieMarkets/Operations", True), ("AussieMarkets/API", False))
        ),
        (Request("cloudwatch:PutMetricData"), False),
        *(
            (
                Request("kms:Decrypt", KEY, {"kms:EncryptionContext:aws:lambda:FunctionArn": arn}),
                expected,
            )
            for arn, expected in ((OWN_ARN, True), (f"{OWN_ARN}-other", False))
        ),
        (Request("lambda:InvokeFunction", FUNCTION_ARN), False),
        (Request("iam:PassRole", "arn:aws:mock:::role/cleaner-lambda-arn"), False),
    ],
)
def test_what_the_function_may_do(request_: Request, expected: bool) -> None:
    assert allowed(rights(function(), "lambda"), request_) is expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        *DEAD_LETTERS,
        (Request("lambda:InvokeFunction", FUNCTION_ARN), True),
        (Request("lambda:InvokeFunction", f"{FUNCTION_ARN}-other"), False),
        (Request("lambda:UpdateFunctionCode", FUNCTION_ARN), False),
        (Request("s3:DeleteObject", "arn:aws:s3:::dust/a"), False),
        (Request("logs:PutLogEvents", f"{LOG_ARN}:log-stream:a"), False),
    ],
)
def test_what_the_schedules_may_do(request_: Request, expected: bool) -> None:
    assert allowed(rights(function(), "invoke"), request_) is expected


def test_registered_outputs() -> None:
    deployment = function()
    queue = deployment.only(QUEUE)
    assert deployment.outputs[deployment.only(FUNCTION).urn] == {
        "name": "aussie-markets-cleaner-staging",
        "arn": FUNCTION_ARN,
        "role_arn": "arn:aws:mock:::role/cleaner-lambda-arn",
        "log_group_name": "/aws/lambda/aussie-markets-cleaner-staging",
        "dead_letter_name": queue.outputs["name"],
        "schedule_group_name": deployment.only(GROUP).outputs["name"],
    }
