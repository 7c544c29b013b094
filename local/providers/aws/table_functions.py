"""The rows of functions, schedules and state machines; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special_functions
from local.providers.aws.rows import AutoName, Call, Read, ResourceType, Set, Tagging

_FUNCTION: Final = {"FunctionName": "{id}"}
_FUNCTION_ARN: Final = "arn:aws:lambda:{region}:{account}:function:{id}"
_INVOKE: Final = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/"
_STREAM: Final = "arn:aws:apigateway:{region}:lambda:path/2021-11-15/functions/"


def _lambda_tagging(arn: str) -> Tagging:
    return Tagging(
        add=Call("tag_resource", {"Resource": arn}),
        remove=Call("untag_resource", {"Resource": arn}),
    )


_MAPPING_ARN: Final = "arn:aws:lambda:{region}:{account}:event-source-mapping:{id}"
_MAPPING: Final = (
    "batchSize",
    "bisectBatchOnFunctionError",
    "destinationConfig",
    "enabled",
    "filterCriteria",
    "functionName",
    "functionResponseTypes",
    "kmsKeyArn",
    "maximumBatchingWindowInSeconds",
    "maximumRecordAgeInSeconds",
    "maximumRetryAttempts",
    "parallelizationFactor",
    "scalingConfig",
    "tumblingWindowInSeconds",
)

_FUNCTIONS: Final = {
    "aws:lambda/function:Function": ResourceType(
        cloudformation="AWS::Lambda::Function",
        service="lambda",
        create=Call("create_function"),
        id="{name}",
        tagging=_lambda_tagging(_FUNCTION_ARN),
        autoname=AutoName(longest=64),
        defaults={
            "memorySize": 128,
            "packageType": "Zip",
            "publish": False,
            "reservedConcurrentExecutions": -1,
            "skipDestroy": False,
            "timeout": 3,
        },
        # The code is looked at where it is, and CloudFormation's inline code is something else.
        schema_renames={"code": "NotInTheSchema"},
        schema_constants={"Code": {"S3Bucket": "code", "S3Key": "code"}},
        read=(
            Read(Call("get_function", _FUNCTION), "Configuration"),
            Read(Call("get_function", _FUNCTION), "Tags", into="Tags"),
            Read(
                Call("list_versions_by_function", _FUNCTION), "Versions[-1].Version", into="Latest"
            ),
            Read(
                Call("get_function_concurrency", _FUNCTION),
                "ReservedConcurrentExecutions",
                into="ReservedConcurrentExecutions",
            ),
        ),
        outputs={
            "arn": "FunctionArn",
            "codeSha256": "CodeSha256",
            "invokeArn": f"{_INVOKE}{{FunctionArn}}/invocations",
            "layers": "Layers[].Arn",
            "qualifiedArn": "{FunctionArn}:{Latest}",
            "qualifiedInvokeArn": f"{_INVOKE}{{FunctionArn}}:{{Latest}}/invocations",
            "reservedConcurrentExecutions": "not_null(ReservedConcurrentExecutions, `-1`)",
            "responseStreamingInvokeArn": (
                f"{_STREAM}{{FunctionArn}}/response-streaming-invocations"
            ),
            "sourceCodeHash": "SourceCodeHash || CodeSha256",
            "sourceCodeSize": "CodeSize",
            "version": "Latest",
        },
        set=(
            Set(
                special_functions.CODE,
                Call("update_function_code", _FUNCTION),
                parameters=special_functions.code_update,
            ),
            Set(
                special_functions.CONFIGURATION,
                Call("update_function_configuration", _FUNCTION),
                parameters=special_functions.configuration_update,
            ),
            Set(
                ("reservedConcurrentExecutions",),
                Call("put_function_concurrency", _FUNCTION),
                unset=Call("delete_function_concurrency", _FUNCTION),
            ),
            Set(("publish",), Call("publish_version", _FUNCTION), toggle=True),
        ),
        delete=(Call("delete_function", _FUNCTION),),
        spared_by="skipDestroy",
        kept=frozenset(
            {
                "code",
                "publish",
                "s3Bucket",
                "s3Key",
                "s3ObjectVersion",
                "skipDestroy",
                "sourceKmsKeyArn",
            }
        ),
        empty=frozenset({"signingJobArn", "signingProfileVersionArn"}),
        handled=frozenset({"imageUri", "name", "packageType", "publish", "skipDestroy"}),
        secrets=frozenset({"environment"}),
        parameters=special_functions.function,
        prepare=special_functions.function_to_send,
        after_read=special_functions.function_as_given,
        checks=(special_functions.function_settings,),
        before_create=special_functions.lambda_may_assume,
        after_create=special_functions.reserve_concurrency,
    ),
    "aws:lambda/permission:Permission": ResourceType(
        cloudformation="AWS::Lambda::Permission",
        service="lambda",
        create=Call("add_permission"),
        id="{statementId}",
        autoname=AutoName(longest=100, property="statementId"),
        renames={"function": "FunctionName"},
        # The API answers with the whole policy, as text.
        read=(
            Read(
                Call("get_policy", {"FunctionName": "{function}"}),
                """[@] | [?contains(Policy, '"Sid": "{statementId}"')] | [0]""",
            ),
        ),
        replaced_by=frozenset(
            {
                "action",
                "eventSourceToken",
                "function",
                "functionUrlAuthType",
                "principal",
                "principalOrgId",
                "qualifier",
                "sourceAccount",
                "sourceArn",
                "statementId",
                "statementIdPrefix",
            }
        ),
        delete=(
            Call(
                "remove_permission",
                {"FunctionName": "{function}", "StatementId": "{statementId}"},
            ),
        ),
        kept=frozenset({"eventSourceToken", "function", "functionUrlAuthType", "statementId"}),
        empty=frozenset({"statementIdPrefix"}),
        after_read=special_functions.permission_as_given,
        checks=(special_functions.no_qualifier,),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ResourceType(
        cloudformation="AWS::Lambda::EventInvokeConfig",
        service="lambda",
        create=Call("put_function_event_invoke_config"),
        id="{functionName}",
        defaults={"maximumRetryAttempts": 2},
        schema_constants={"Qualifier": "$LATEST"},
        read=(
            Read(Call("get_function_event_invoke_config", {"FunctionName": "{functionName}"}), "@"),
        ),
        set=(
            Set(
                ("destinationConfig", "maximumEventAgeInSeconds", "maximumRetryAttempts"),
                Call("put_function_event_invoke_config", {"FunctionName": "{functionName}"}),
                together=True,
            ),
        ),
        delete=(Call("delete_function_event_invoke_config", {"FunctionName": "{functionName}"}),),
        kept=frozenset({"functionName"}),
        after_read=special_functions.invoke_config_as_given,
        checks=(special_functions.no_qualifier,),
    ),
    "aws:lambda/alias:Alias": ResourceType(
        cloudformation="AWS::Lambda::Alias",
        service="lambda",
        create=Call("create_alias"),
        id="AliasArn",
        autoname=AutoName(longest=128),
        schema_renames={"routingConfig": "NotInTheSchema"},
        read=(Read(Call("get_alias", {"FunctionName": "{functionName}", "Name": "{name}"}), "@"),),
        outputs={"arn": "AliasArn", "invokeArn": f"{_INVOKE}{{AliasArn}}/invocations"},
        set=(
            Set(
                ("description", "functionVersion", "routingConfig"),
                Call("update_alias", {"FunctionName": "{functionName}", "Name": "{name}"}),
            ),
        ),
        delete=(Call("delete_alias", {"FunctionName": "{functionName}", "Name": "{name}"}),),
        kept=frozenset({"functionName"}),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ResourceType(
        cloudformation="AWS::Lambda::EventSourceMapping",
        service="lambda",
        create=Call("create_event_source_mapping"),
        renames={"destinationArn": "Destination"},
        id="UUID",
        tagging=_lambda_tagging(_MAPPING_ARN),
        defaults={"enabled": True},
        read=(
            Read(Call("get_event_source_mapping", {"UUID": "{id}"}), "@"),
            Read(Call("list_tags", {"Resource": _MAPPING_ARN}), "Tags", into="Tags"),
        ),
        outputs={"arn": "EventSourceMappingArn"},
        set=tuple(
            Set((name,), Call("update_event_source_mapping", {"UUID": "{id}"})) for name in _MAPPING
        ),
        delete=(Call("delete_event_source_mapping", {"UUID": "{id}"}),),
        # The API answers with the function's ARN, whatever it was called.
        kept=frozenset({"functionName"}),
        empty=frozenset({"lastProcessingResult"}),
        after_read=special_functions.mapping_as_given,
        before_create=special_functions.queue_waits_for_function,
    ),
}

_SCHEDULE: Final = {"GroupName": "{groupName}", "Name": "{name}"}
_GROUP_ARN: Final = "arn:aws:scheduler:{region}:{account}:schedule-group/{id}"

_SCHEDULES: Final = {
    "aws:scheduler/scheduleGroup:ScheduleGroup": ResourceType(
        cloudformation="AWS::Scheduler::ScheduleGroup",
        service="scheduler",
        create=Call("create_schedule_group"),
        id="{name}",
        tagging=Tagging(
            add=Call("tag_resource", {"ResourceArn": _GROUP_ARN}),
            remove=Call("untag_resource", {"ResourceArn": _GROUP_ARN}),
        ),
        autoname=AutoName(longest=64),
        read=(
            Read(Call("get_schedule_group", {"Name": "{id}"}), "@"),
            Read(Call("list_tags_for_resource", {"ResourceArn": _GROUP_ARN}), "Tags", into="Tags"),
        ),
        delete=(Call("delete_schedule_group", {"Name": "{id}"}),),
        empty=frozenset({"namePrefix"}),
    ),
    "aws:scheduler/schedule:Schedule": ResourceType(
        cloudformation="AWS::Scheduler::Schedule",
        service="scheduler",
        create=Call("create_schedule"),
        id="{groupName}/{name}",
        autoname=AutoName(longest=64),
        defaults={
            "groupName": "default",
            "scheduleExpressionTimezone": "UTC",
            "state": "ENABLED",
        },
        renames={"capacityProviderStrategies": "CapacityProviderStrategy"},
        read=(Read(Call("get_schedule", _SCHEDULE), "@"),),
        outputs={"actionAfterCompletion": "ActionAfterCompletion || 'NONE'"},
        replaced_by=frozenset({"groupName", "name", "namePrefix"}),
        set=(
            Set(
                (
                    "actionAfterCompletion",
                    "description",
                    "endDate",
                    "flexibleTimeWindow",
                    "kmsKeyArn",
                    "scheduleExpression",
                    "scheduleExpressionTimezone",
                    "startDate",
                    "state",
                    "target",
                ),
                Call("update_schedule", _SCHEDULE),
                together=True,
            ),
        ),
        delete=(Call("delete_schedule", _SCHEDULE),),
        empty=frozenset({"namePrefix"}),
        checks=(special_functions.schedule,),
        before_create=special_functions.scheduler_may_assume,
    ),
}

_STATES: Final = {
    "aws:sfn/stateMachine:StateMachine": ResourceType(
        cloudformation="AWS::StepFunctions::StateMachine",
        service="stepfunctions",
        create=Call("create_state_machine"),
        id="stateMachineArn",
        tagging=Tagging(
            add=Call("tag_resource", {"resourceArn": "{id}"}),
            remove=Call("untag_resource", {"resourceArn": "{id}"}),
        ),
        autoname=AutoName(longest=80),
        defaults={"publish": False, "type": "STANDARD"},
        api_renames={"name": "name", "type": "type"},
        # cfn-lint reads the definition as a template with substitutions, which it has not.
        schema_renames={
            "definition": "NotInTheSchema",
            "name": "StateMachineName",
            "type": "StateMachineType",
        },
        schema_constants={"DefinitionString": '{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}'},
        read=(
            Read(Call("describe_state_machine", {"stateMachineArn": "{id}"}), "@"),
            Read(Call("list_tags_for_resource", {"resourceArn": "{id}"}), "tags", into="tags"),
        ),
        outputs={"arn": "stateMachineArn"},
        replaced_by=frozenset({"name", "namePrefix", "type"}),
        set=tuple(
            Set((name,), Call("update_state_machine", {"stateMachineArn": "{id}"}))
            for name in (
                "definition",
                "encryptionConfiguration",
                "loggingConfiguration",
                "publish",
                "roleArn",
                "tracingConfiguration",
            )
        ),
        delete=(Call("delete_state_machine", {"stateMachineArn": "{id}"}),),
        kept=frozenset({"publish"}),
        empty=frozenset(
            {
                "description",
                "namePrefix",
                "revisionId",
                "stateMachineVersionArn",
                "versionDescription",
            }
        ),
        prepare=special_functions.state_machine_to_send,
        after_read=special_functions.state_machine_as_given,
        checks=(special_functions.definition,),
        before_create=special_functions.states_may_assume,
    ),
}

ROWS: Final = {**_FUNCTIONS, **_SCHEDULES, **_STATES}
