"""One AWS Lambda function that runs by itself, at its times."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws

from components.documents import Statement, on_behalf_of, service_trust
from components.function_archive import function_archive
from components.messages import dead_letter_queue
from components.naming import OPERATIONS_NAMESPACE, Names
from components.roles import role_with_rights
from components.settings.functions import FunctionsSettings

# Supported until 2029: AWS Lambda developer guide, "Supported runtimes".
RUNTIME: Final = "python3.13"
MEMORY_MIB: Final = 256
# Seconds. The handlers wait for nothing; this is room for botocore's retries.
TIMEOUT: Final = 300

# Lambda, PutFunctionEventInvokeConfig: the most.
RETRIES: Final = 2
# Scheduler, RetryPolicy: the most, so that the age of the event ends it.
DELIVERY_ATTEMPTS: Final = 185
# Seconds. By then the next event of most schedules has come.
EVENT_AGE: Final = 3600


class ScheduledEvent(NamedTuple):
    """When a function is called, `cron(...)` or `rate(...)`, and with what."""

    expression: str
    event: Mapping[str, Any]


@dataclass(frozen=True)
class FunctionArgs:
    """Inputs of `Function`.

    `function` is its short name, such as `backup`. `environment` are its variables besides
    ENVIRONMENT, none of them secret. `statements` are what it may do besides what every function
    may. `schedules` have stable names, and times in `time_zone`. `log_key_arn` encrypts its log:
    the key's policy must admit CloudWatch Logs for `names.function_log_group(...)`.
    `messages_key_arn` encrypts its variables and the events that it failed at.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: FunctionsSettings
    function: str
    handler: str
    description: str
    environment: Mapping[str, pulumi.Input[str]]
    statements: Sequence[Statement]
    schedules: Mapping[str, ScheduledEvent]
    time_zone: str
    log_key_arn: pulumi.Input[str]
    messages_key_arn: pulumi.Input[str]


class FunctionOutputs(NamedTuple):
    """What runbooks and alarms need to know about a function."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
    dead_letter_name: pulumi.Output[str]
    """The dimension `QueueName` of the queue's metrics."""
    schedule_group_name: pulumi.Output[str]


class Function(pulumi.ComponentResource):
    """`aussie-markets:function:Function`: code of `operations/handlers`, called by the clock.

    It stands outside the VPC: it calls AWS alone, and reaches neither database nor cache.

    - `aws.cloudwatch.LogGroup`: made before the function, or Lambda makes it without retention
      and key.
    - `aws.sqs.Queue`, `aws.sqs.QueuePolicy`: events that the function failed at, or that did not
      reach it.
    - `aws.iam.Role`, `aws.iam.RolePolicy` twice. The function's own: what it is given, its log,
      traces, heartbeat and queue. The schedules': call this function, and its queue.
    - `aws.lambda.Function`: `function_archive`.
    - `aws.lambda.FunctionEventInvokeConfig`: how often a failed event comes again.
    - `aws.scheduler.ScheduleGroup`: for whose schedules alone Scheduler gets its role.
    - `aws.scheduler.Schedule`, one for each event.
    """

    outputs: FunctionOutputs

    def __init__(
        self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:function:Function", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        log_group = aws.cloudwatch.LogGroup(
            f"{name}-log",
            name=args.names.function_log_group(args.function),
            retention_in_days=args.settings.log_retention_days,
            kms_key_id=args.log_key_arn,
            opts=self._child,
        )
        queue = dead_letter_queue(f"{name}-dead-letters", args.messages_key_arn, self._child)
        role, rights = role_with_rights(
            f"{name}-lambda",
            f"What {args.names.function(args.function)} may do",
            service_trust("lambda.amazonaws.com"),
            [*self._own_statements(log_group), *self._queue_statements(queue), *args.statements],
            self._child,
        )
        function = self._function(role, rights, log_group, queue)
        retries = aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-retries",
            function_name=function.name,
            maximum_event_age_in_seconds=EVENT_AGE,
            maximum_retry_attempts=RETRIES,
            opts=self._child,
        )
        group = self._schedules(function, queue, retries)

        self.outputs = FunctionOutputs(
            name=function.name,
            arn=function.arn,
            role_arn=role.arn,
            log_group_name=log_group.name,
            dead_letter_name=queue.name,
            schedule_group_name=group.name,
        )
        self.register_outputs(self.outputs._asdict())

    def _function(
        self,
        role: aws.iam.Role,
        rights: aws.iam.RolePolicy,
        log_group: aws.cloudwatch.LogGroup,
        queue: aws.sqs.Queue,
    ) -> aws.lambda_.Function:
        args = self._args
        return aws.lambda_.Function(
            f"{self._name_prefix}-code",
            name=args.names.function(args.function),
            description=args.description,
            runtime=RUNTIME,
            architectures=["arm64"],
            handler=args.handler,
            code=function_archive(),
            memory_size=MEMORY_MIB,
            timeout=TIMEOUT,
            reserved_concurrent_executions=args.settings.reserved_concurrency,
            role=role.arn,
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={"ENVIRONMENT": args.names.environment, **args.environment}
            ),
            kms_key_arn=args.messages_key_arn,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="JSON",
                log_group=log_group.name,
                application_log_level="INFO",
                system_log_level="INFO",
            ),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active"),
            dead_letter_config=aws.lambda_.FunctionDeadLetterConfigArgs(target_arn=queue.arn),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Lambda refuses a queue that the role may not send to.
                depends_on=[rights],
                # People and metrics know it by its name; two cannot coexist.
                delete_before_replace=True,
            ),
        )

    def _schedules(
        self,
        function: aws.lambda_.Function,
        queue: aws.sqs.Queue,
        retries: aws.lambda_.FunctionEventInvokeConfig,
    ) -> aws.scheduler.ScheduleGroup:
        args = self._args
        group = aws.scheduler.ScheduleGroup(f"{self._name_prefix}-times", opts=self._child)
        call = {
            "Sid": "Call",
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": function.arn,
        }
        role, rights = role_with_rights(
            f"{self._name_prefix}-invoke",
            f"Lets EventBridge Scheduler call {args.names.function(args.function)}",
            # EventBridge Scheduler user guide, "Confused deputy prevention": a group, no schedule.
            service_trust("scheduler.amazonaws.com", on_behalf_of(args.account_id, group.arn)),
            [call, *self._queue_statements(queue)],
            self._child,
        )
        for label, (expression, event) in args.schedules.items():
            # Without a key of ours: an event says what to do, and nothing of anybody.
            aws.scheduler.Schedule(
                f"{self._name_prefix}-{label}",
                group_name=group.name,
                schedule_expression=expression,
                schedule_expression_timezone=args.time_zone,
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=aws.scheduler.ScheduleTargetArgs(
                    arn=function.arn,
                    role_arn=role.arn,
                    input=json.dumps(event),
                    retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_event_age_in_seconds=EVENT_AGE,
                        maximum_retry_attempts=DELIVERY_ATTEMPTS,
                    ),
                    dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(
                        arn=queue.arn
                    ),
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[rights, retries]),
            )
        return group

    def _own_statements(self, log_group: aws.cloudwatch.LogGroup) -> list[Statement]:
        args = self._args
        function_arn = pulumi.Output.concat(
            f"arn:aws:lambda:{args.region}:",
            args.account_id,
            f":function:{args.names.function(args.function)}",
        )
        return [
            {
                "Sid": "Log",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": pulumi.Output.concat(log_group.arn, ":*"),
            },
            {
                # The actions know no resources.
                "Sid": "Trace",
                "Effect": "Allow",
                "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
                "Resource": "*",
            },
            {
                # The condition stands for the resource.
                "Sid": "Heartbeat",
                "Effect": "Allow",
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": OPERATIONS_NAMESPACE}},
            },
            {
                # Lambda's own grant is for the role with this id, and lost with it.
                "Sid": "Environment",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": args.messages_key_arn,
                "Condition": {
                    "StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": function_arn}
                },
            },
        ]

    def _queue_statements(self, queue: aws.sqs.Queue) -> list[Statement]:
        """Lambda and Scheduler alike send with the role that they have from here.

        SQS developer guide, "Key management": what who sends needs of the queue's key.
        """
        args = self._args
        return [
            {
                "Sid": "DeadLetters",
                "Effect": "Allow",
                "Action": "sqs:SendMessage",
                "Resource": queue.arn,
            },
            {
                "Sid": "DeadLetterKey",
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": args.messages_key_arn,
                "Condition": {
                    "StringEquals": {"kms:ViaService": f"sqs.{args.region}.amazonaws.com"}
                },
            },
        ]
