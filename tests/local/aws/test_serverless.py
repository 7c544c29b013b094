"""Functions, schedules and state machines in the stand-in: changes, replacements, refusals."""

import hashlib
import io
import json
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from local.providers.aws import archives
from local.providers.aws.api import Api, ApiError
from local.providers.aws.archives import ARCHIVE, ASSET, SIGNATURE
from local.providers.aws.rows import Call
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import (
    ROLE,
    SENTINEL,
    MakeOperations,
    Stack,
    in_region,
    trust,
)
from tests.local.aws.build_functions import (
    ALIAS,
    FUNCTION,
    INVOKE_CONFIG,
    MAPPING,
    PERMISSION,
    SCHEDULE,
    SCHEDULE_GROUP,
    STATE_MACHINE,
    build_functions,
    code,
    machine,
    make_queue,
)

ROLE_ARN = "arn:aws:iam::123456789012:role/platform"
FUNCTION_ARN = "arn:aws:lambda:ap-southeast-2:123456789012:function:backup"
PLAIN = {
    "code": code(),
    "runtime": "python3.13",
    "handler": "backup.handler",
    "role": ROLE_ARN,
}
NIGHTLY = {
    "scheduleExpression": "cron(0 2 * * ? *)",
    "scheduleExpressionTimezone": "Australia/Brisbane",
    "flexibleTimeWindow": {"mode": "OFF"},
    "target": {"arn": FUNCTION_ARN, "roleArn": ROLE_ARN},
}
MACHINE = {"definition": machine(), "roleArn": ROLE_ARN}


def position(stack: Stack, token: str) -> int:
    return next(i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token)


def make_role(stack: Stack, label: str, service: str = "lambda.amazonaws.com") -> str:
    _, outputs = stack.create(ROLE, label, assumeRolePolicy=trust(service))
    return str(outputs["arn"])


def sha256(text: str) -> str:
    return b64encode(hashlib.sha256(archives.zipped(code(text))).digest()).decode()


# -- functions -------------------------------------------------------------------------------


def test_a_functions_code_is_changed_in_place_and_published(stack: Stack) -> None:
    build_functions(stack, "code")
    index = position(stack, FUNCTION)
    operations, name, inputs = stack.created[index]
    before = operations.read(name, inputs) or {}
    assert (before["codeSha256"], before["version"]) == (sha256(inputs_text(inputs)), "1")
    after = stack.update(index, code=code("def handler(event, context): return 1"))
    assert after["codeSha256"] == sha256("def handler(event, context): return 1")
    assert after["version"] == "2"
    assert after["qualifiedArn"] == f"{after['arn']}:2"
    assert stack.update(index, architectures=["x86_64"])["architectures"] == ["x86_64"]


def inputs_text(inputs: Properties) -> str:
    return str(inputs["code"]["assets"]["backup.py"]["text"])


def test_a_functions_settings_are_changed_in_place_and_taken_away(stack: Stack, api: Api) -> None:
    build_functions(stack, "settings")
    index = position(stack, FUNCTION)
    changes: Properties = {
        "description": "new",
        "environment": {"variables": {"BUCKET": "other"}},
        "ephemeralStorage": {"size": 2048},
        "handler": "backup.other",
        "memorySize": 512,
        "reservedConcurrentExecutions": 0,
        "runtime": "python3.14",
        "timeout": 120,
        "tracingConfig": {"mode": "PassThrough"},
        "deadLetterConfig": {"targetArn": "arn:aws:sqs:ap-southeast-2:123456789012:other"},
        "loggingConfig": {"logFormat": "Text", "logGroup": "/other"},
    }
    found = stack.update(index, **changes)
    assert {name: found[name] for name in changes} == changes
    gone = ("deadLetterConfig", "environment", "kmsKeyArn", "loggingConfig", "vpcConfig")
    less = stack.update(index, reservedConcurrentExecutions=-1, **dict.fromkeys(gone))
    assert less["reservedConcurrentExecutions"] == -1
    request = {"FunctionName": stack.created[index][1]}
    now = api.call("lambda", Call("get_function_configuration"), {}, request)
    assert now.get("Environment", {}).get("Variables", {}) == {}
    assert now.get("VpcConfig", {}).get("SubnetIds", []) == []
    assert (now.get("KMSKeyArn", ""), now["DeadLetterConfig"]["TargetArn"]) == ("", "")
    assert now["LoggingConfig"] == {"LogFormat": "Text"}
    operations, name, inputs = stack.created[index]
    seen = operations.inputs_now(inputs, operations.read(name, inputs) or {})
    assert operations.diff(inputs, seen).changed == ()


def test_the_same_code_in_another_folder_is_no_change(operations: MakeOperations) -> None:
    function = operations(FUNCTION)
    here = {SIGNATURE: ARCHIVE, "path": "/here", "hash": "h"}
    there = {SIGNATURE: ARCHIVE, "path": "/there", "hash": "h"}
    inputs = {**PLAIN, "code": here}
    assert function.diff(inputs, {**inputs, "code": there}).changed == ()
    assert function.diff(inputs, {**inputs, "code": {**there, "hash": "i"}}).changed == ("code",)


def test_code_comes_from_s3_and_a_new_hash_fetches_it_again(stack: Stack, api: Api) -> None:
    api.call(
        "s3",
        Call("create_bucket"),
        {},
        {
            "Bucket": "artefacts",
            "CreateBucketConfiguration": {"LocationConstraint": "ap-southeast-2"},
        },
    )

    def upload(text: str) -> str:
        body = archives.zipped(code(text))
        api.call(
            "s3", Call("put_object"), {}, {"Bucket": "artefacts", "Key": "f.zip", "Body": body}
        )
        return sha256(text)

    given = {k: v for k, v in PLAIN.items() if k != "code"}
    given["role"] = make_role(stack, "from-s3")
    first = upload("first = 1")
    _, outputs = stack.create(
        FUNCTION, "from-s3", s3Bucket="artefacts", s3Key="f.zip", sourceCodeHash=first, **given
    )
    assert outputs["codeSha256"] == first
    second = upload("second = 2")
    assert stack.update(1, sourceCodeHash=second)["codeSha256"] == second


def test_what_is_changed_behind_the_stack_is_drift(stack: Stack, api: Api) -> None:
    build_functions(stack, "drift")
    operations, name, inputs = stack.created[position(stack, FUNCTION)]
    params = {
        "FunctionName": name,
        "Timeout": 900,
        "TracingConfig": {"Mode": "PassThrough"},
        "Environment": {"Variables": {"BUCKET": "theirs"}},
    }
    api.call("lambda", Call("update_function_configuration"), {}, params)
    now = operations.inputs_now(inputs, operations.read(name, inputs) or {})
    assert operations.diff(inputs, now).changed == ("environment", "timeout", "tracingConfig")

    schedule, schedule_id, wanted = stack.created[position(stack, SCHEDULE)]
    request = {"Name": wanted["name"], "GroupName": wanted["groupName"]}
    answer = api.call("scheduler", Call("get_schedule"), {}, request)
    kept = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    disabled = {**{key: answer[key] for key in kept}, "State": "DISABLED"}
    api.call("scheduler", Call("update_schedule"), {}, disabled)
    found = schedule.inputs_now(wanted, schedule.read(schedule_id, wanted) or {})
    assert "state" in schedule.diff(wanted, found).changed

    permission, statement, granted = stack.created[position(stack, PERMISSION)]
    api.call(
        "lambda",
        Call("remove_permission"),
        {},
        {"FunctionName": name, "StatementId": statement},
    )
    assert permission.read(statement, granted) is None


def test_no_value_of_an_environment_is_in_a_refusal_or_an_error(
    stack: Stack, operations: MakeOperations
) -> None:
    function = operations(FUNCTION)
    variables = {"AWS_REGION": SENTINEL, "a-b": SENTINEL, "BIG": SENTINEL * 300, "N": [SENTINEL]}
    given = {**PLAIN, "environment": {"variables": variables}, "memorySize": 1}
    told = list(function.refusals(function.check("f", {}, given, b"seed")))
    assert {where.split(".")[0] for where, _ in told} == {"environment", "memorySize"}
    assert SENTINEL not in str(told)
    with pytest.raises(ApiError) as refused:
        stack.create(FUNCTION, "f", **{**given, "memorySize": 128, "environment": SECRETS})
    assert SENTINEL not in str(refused.value)


SECRETS = {"variables": {"TOKEN": SENTINEL}}


def test_a_role_that_the_service_may_not_assume_is_refused(stack: Stack) -> None:
    wrong = make_role(stack, "wrong", "ec2.amazonaws.com")
    for arn in (wrong, "arn:aws:iam::123456789012:role/missing"):
        with pytest.raises(ApiError, match="cannot be assumed by Lambda"):
            stack.create(FUNCTION, "f", **{**PLAIN, "role": arn})
        target = {"arn": FUNCTION_ARN, "roleArn": arn}
        with pytest.raises(ApiError, match="must allow AWS EventBridge Scheduler to assume"):
            stack.create(SCHEDULE, "s", **{**NIGHTLY, "target": target})
        with pytest.raises(ApiError, match="Neither the global service principal states"):
            stack.create(STATE_MACHINE, "m", **{**MACHINE, "roleArn": arn})


def test_a_function_with_skip_destroy_stays(stack: Stack) -> None:
    role = make_role(stack, "kept")
    stack.create(FUNCTION, "kept", **{**PLAIN, "role": role}, skipDestroy=True)
    operations, name, inputs = stack.created[1]
    operations.delete(name, inputs)
    assert operations.read(name, inputs) is not None


def test_an_invoke_configuration_an_alias_and_mappings_are_changed_in_place(stack: Stack) -> None:
    build_functions(stack, "around")
    config = position(stack, INVOKE_CONFIG)
    found = stack.update(config, maximumRetryAttempts=0, maximumEventAgeInSeconds=60)
    assert (found["maximumRetryAttempts"], found["maximumEventAgeInSeconds"]) == (0, 60)
    assert found["destinationConfig"] == stack.created[config][2]["destinationConfig"]
    assert "destinationConfig" not in stack.update(config, destinationConfig=None)
    stack.update(position(stack, FUNCTION), code=code("def handler(event, context): return 2"))
    alias = stack.update(position(stack, ALIAS), functionVersion="2", description="new")
    assert (alias["functionVersion"], alias["description"]) == ("2", "new")
    mapping = position(stack, MAPPING)
    changes = {
        "batchSize": 7,
        "enabled": False,
        "filterCriteria": {"filters": [{"pattern": '{"body": {"kind": ["x"]}}'}]},
    }
    changed = stack.update(mapping, **changes)
    assert {name: changed[name] for name in changes} == changes
    assert changed["state"] == "Disabled"
    stream = {"maximumRetryAttempts": 5, "parallelizationFactor": 3}
    assert stack.update(mapping + 1, **stream).items() >= stream.items()


def test_a_queue_that_gives_messages_back_too_early_is_refused(stack: Stack, api: Api) -> None:
    role = make_role(stack, "slow")
    function, _ = stack.create(FUNCTION, "slow", **{**PLAIN, "role": role}, timeout=60)
    queue = make_queue(api, "hasty", seconds=30)
    with pytest.raises(ApiError, match=r"timeout: 30 seconds is less than Function timeout: 60"):
        stack.create(MAPPING, "hasty", functionName=function, eventSourceArn=queue)


# -- schedules and state machines --------------------------------------------------------------


def test_a_schedule_is_changed_as_a_whole(stack: Stack) -> None:
    build_functions(stack, "schedule")
    index = position(stack, SCHEDULE)
    target = {**stack.created[index][2]["target"], "input": '{"kind": "other"}'}
    found = stack.update(index, scheduleExpression="rate(5 minutes)", target=target)
    assert (found["scheduleExpression"], found["target"]) == ("rate(5 minutes)", target)
    assert (found["state"], found["description"]) == ("ENABLED", "02:00 in Brisbane")
    assert stack.update(index, state="DISABLED")["state"] == "DISABLED"
    assert not stack.update(index, description=None).get("description")


def test_a_schedule_for_a_group_that_is_not_there_is_refused(stack: Stack) -> None:
    role = make_role(stack, "scheduler", "scheduler.amazonaws.com")
    given = {**NIGHTLY, "target": {"arn": FUNCTION_ARN, "roleArn": role}}
    with pytest.raises(ApiError, match=r"ResourceNotFoundException.*nowhere"):
        stack.create(SCHEDULE, "s", groupName="nowhere", **given)


def test_a_state_machine_is_changed_in_place(stack: Stack) -> None:
    build_functions(stack, "machine")
    index = position(stack, STATE_MACHINE)
    definition = machine(Second={"Type": "Succeed"})
    changes: Properties = {
        "definition": definition,
        "tracingConfiguration": {"enabled": False},
        "loggingConfiguration": {"level": "OFF"},
    }
    found = stack.update(index, **changes)
    assert {name: found[name] for name in changes} == changes
    again = json.dumps(json.loads(definition), indent=2, sort_keys=True)
    operations, _, inputs = stack.created[index]
    assert operations.diff(inputs, {**inputs, "definition": again}).changed == ()


@pytest.mark.parametrize("token", [FUNCTION, SCHEDULE_GROUP])
def test_a_resource_is_made_in_its_own_region(
    operations: MakeOperations, stack: Stack, token: str
) -> None:
    given = {**PLAIN, "role": make_role(stack, "region")} if token == FUNCTION else {}
    elsewhere = in_region(operations(token), "us-east-1")
    inputs = elsewhere.check("x", {}, {**given, "name": "elsewhere", "region": "us-east-1"}, b"s")
    resource_id, outputs = elsewhere.create("urn:elsewhere", inputs)
    assert ":us-east-1:" in outputs["arn"]
    assert outputs["region"] == "us-east-1"
    assert operations(token).read(resource_id, inputs) is None


@pytest.mark.parametrize(
    ("token", "olds", "name"),
    [
        (FUNCTION, PLAIN, "name"),
        (FUNCTION, PLAIN, "packageType"),
        *(
            (PERMISSION, {"statementId": "s"}, name)
            for name in ("action", "function", "principal", "sourceArn", "sourceAccount")
        ),
        (INVOKE_CONFIG, {"functionName": "f"}, "functionName"),
        (ALIAS, {"name": "a"}, "functionName"),
        (ALIAS, {"name": "a"}, "name"),
        (MAPPING, {"functionName": "f"}, "eventSourceArn"),
        (MAPPING, {"functionName": "f"}, "startingPosition"),
        (SCHEDULE, NIGHTLY, "name"),
        (SCHEDULE, NIGHTLY, "groupName"),
        (SCHEDULE_GROUP, {"name": "g"}, "name"),
        (STATE_MACHINE, MACHINE, "name"),
        (STATE_MACHINE, MACHINE, "type"),
    ],
)
def test_what_aws_cannot_update_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, name: str
) -> None:
    assert operations(token).diff(olds, {**olds, name: "new"}).replaces == (name,)


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (FUNCTION, {**PLAIN, "runtime": "nodejs20.x"}, "runtime", "deprecated since 2026-04-30"),
        (FUNCTION, {**PLAIN, "runtime": "python4.0"}, "runtime", "is not one of"),
        (FUNCTION, {**PLAIN, "handler": "backup"}, "handler", "it is file.function"),
        (FUNCTION, {**PLAIN, "handler": "a b.c"}, "handler", "does not match"),
        (FUNCTION, {**PLAIN, "memorySize": 127}, "memorySize", "minimum of 128"),
        (FUNCTION, {**PLAIN, "timeout": 901}, "timeout", "maximum of 900"),
        (FUNCTION, {**PLAIN, "timeout": 0}, "timeout", "minimum of 1"),
        (FUNCTION, {**PLAIN, "name": "x" * 65}, "name", "does not match"),
        (FUNCTION, {**PLAIN, "role": "platform"}, "role", "does not match"),
        (FUNCTION, {**PLAIN, "architectures": ["arm"]}, "architectures.0", "is not one of"),
        (
            FUNCTION,
            {**PLAIN, "environment": {"variables": {"AWS_REGION": "x"}}},
            "environment.variables.AWS_REGION",
            "is a reserved key",
        ),
        (
            FUNCTION,
            {**PLAIN, "environment": {"variables": {"WITH-HYPHEN": "x"}}},
            "environment.variables.WITH-HYPHEN",
            "does not match",
        ),
        (
            FUNCTION,
            {**PLAIN, "environment": {"variables": {"BIG": "x" * 4096}}},
            "environment",
            "over Lambda's 4096",
        ),
        (
            FUNCTION,
            {**PLAIN, "loggingConfig": {"logFormat": "Text", "systemLogLevel": "INFO"}},
            "loggingConfig.SystemLogLevel",
            "LogLevel is not supported",
        ),
        (FUNCTION, {**PLAIN, "tracingConfig": {"mode": "On"}}, "tracingConfig.Mode", "one of"),
        (FUNCTION, {**PLAIN, "code": None}, "code", "give either code"),
        (FUNCTION, {**PLAIN, "code": "backup.zip"}, "code", "no archive"),
        (
            FUNCTION,
            {**PLAIN, "code": {SIGNATURE: ARCHIVE, "path": "/no/such/folder"}},
            "code",
            "no file or folder /no/such/folder",
        ),
        (FUNCTION, {**PLAIN, "code": None, "s3Bucket": "bucket"}, "s3Key", "go together"),
        (
            PERMISSION,
            {"function": "f", "action": "InvokeFunction", "principal": "s3.amazonaws.com"},
            "action",
            "does not match",
        ),
        (
            PERMISSION,
            {
                "function": "f",
                "action": "lambda:InvokeFunction",
                "principal": "s3.amazonaws.com",
                "sourceArn": "bucket",
            },
            "sourceArn",
            "does not match",
        ),
        (
            INVOKE_CONFIG,
            {"functionName": "f", "maximumRetryAttempts": 3},
            "maximumRetryAttempts",
            "maximum of 2",
        ),
        (
            INVOKE_CONFIG,
            {"functionName": "f", "maximumEventAgeInSeconds": 59},
            "maximumEventAgeInSeconds",
            "minimum of 60",
        ),
        (
            MAPPING,
            {
                "functionName": "f",
                "eventSourceArn": "arn:aws:sqs:ap-southeast-2:123456789012:q",
                "batchSize": 10001,
            },
            "batchSize",
            "maximum of 10000",
        ),
        (
            SCHEDULE,
            {**NIGHTLY, "scheduleExpression": "cron(0 2 * * ?)"},
            "scheduleExpression",
            "six fields",
        ),
        (
            SCHEDULE,
            {**NIGHTLY, "scheduleExpression": "rate(1 minutes)"},
            "scheduleExpression",
            "here one of minute,",
        ),
        (
            SCHEDULE,
            {**NIGHTLY, "scheduleExpressionTimezone": "Sydney"},
            "scheduleExpressionTimezone",
            "time zone database",
        ),
        (
            SCHEDULE,
            {**NIGHTLY, "flexibleTimeWindow": {"mode": "OFF", "maximumWindowInMinutes": 5}},
            "flexibleTimeWindow",
            "is OFF",
        ),
        (
            SCHEDULE,
            {**NIGHTLY, "flexibleTimeWindow": {"mode": "FLEXIBLE"}},
            "flexibleTimeWindow",
            "is FLEXIBLE",
        ),
        (
            SCHEDULE,
            {**NIGHTLY, "flexibleTimeWindow": {"mode": "FLEXIBLE", "maximumWindowInMinutes": 1441}},
            "flexibleTimeWindow.MaximumWindowInMinutes",
            "maximum of 1440",
        ),
        (
            SCHEDULE,
            {
                **NIGHTLY,
                "target": {
                    **NIGHTLY["target"],  # type: ignore[dict-item]
                    "retryPolicy": {"maximumRetryAttempts": 186},
                },
            },
            "target.RetryPolicy.MaximumRetryAttempts",
            "maximum of 185",
        ),
        (SCHEDULE, {**NIGHTLY, "name": "with space"}, "name", "does not match"),
        *(
            (STATE_MACHINE, {**MACHINE, "definition": text}, "definition", reason)
            for text, reason in (
                ("{", "INVALID_JSON_DESCRIPTION"),
                ('{"States": {"A": {"Type": "Succeed"}}}', "StartAt is required"),
                ('{"StartAt": "A"}', "States is required"),
                ('{"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}', "StartAt names no"),
                (machine(Second={"Type": "Pass", "Next": "Third"}), "goes on to Third"),
                (
                    machine(
                        Choose={
                            "Type": "Choice",
                            "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "Gone"}],
                            "Default": "First",
                        }
                    ),
                    "goes on to Gone",
                ),
                (
                    machine(
                        Each={
                            "Type": "Map",
                            "End": True,
                            "ItemProcessor": {"States": {"A": {"Type": "Succeed"}}},
                        }
                    ),
                    "StartAt is required",
                ),
            )
        ),
        (STATE_MACHINE, {**MACHINE, "type": "FAST"}, "type", "is not one of"),
        (
            STATE_MACHINE,
            {
                **MACHINE,
                "loggingConfiguration": {
                    "level": "ALL",
                    "logDestination": "arn:aws:logs:ap-southeast-2:123456789012:log-group:/states",
                },
            },
            "loggingConfiguration.logDestination",
            "must end with :*",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: Properties, where: str, reason: str
) -> None:
    subject = operations(token)
    given = {name: value for name, value in properties.items() if value is not None}
    refusals = list(subject.refusals(subject.check("name", {}, given, b"seed")))
    assert any(place == where and reason in text for place, text in refusals), refusals
    assert {place.split(".")[0] for place, _ in refusals} == {where.split(".")[0]}
    assert all(len(text) < 300 for _, text in refusals)


@pytest.mark.parametrize(
    ("token", "properties"),
    [
        (FUNCTION, dict.fromkeys(PLAIN, UNKNOWN)),
        (FUNCTION, {**PLAIN, "environment": {"variables": {"BUCKET": UNKNOWN}}}),
        (FUNCTION, {**PLAIN, "environment": UNKNOWN, "handler": UNKNOWN}),
        (SCHEDULE, dict.fromkeys(NIGHTLY, UNKNOWN)),
        (SCHEDULE, {**NIGHTLY, "target": {"arn": UNKNOWN, "roleArn": UNKNOWN}}),
        (STATE_MACHINE, {"definition": UNKNOWN, "roleArn": UNKNOWN}),
        (MAPPING, {"functionName": UNKNOWN, "eventSourceArn": UNKNOWN}),
    ],
)
def test_what_is_unknown_is_not_refused(
    operations: MakeOperations, token: str, properties: Properties
) -> None:
    subject = operations(token)
    assert list(subject.refusals(subject.check("name", {}, properties, b"seed"))) == []


# -- archives ----------------------------------------------------------------------------------


def test_the_zip_of_an_archive_is_the_same_whatever_the_order_and_the_time(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "b.py").write_text("b = 1")
    (tmp_path / "inner" / "a.py").write_text("a = 1")
    first = archives.zipped({SIGNATURE: ARCHIVE, "path": str(tmp_path)})
    (tmp_path / "b.py").touch()
    assets: dict[str, Any] = {
        "inner/a.py": {SIGNATURE: ASSET, "path": str(tmp_path / "inner" / "a.py")},
        "b.py": {SIGNATURE: ASSET, "text": "b = 1"},
    }
    assert archives.zipped({SIGNATURE: ARCHIVE, "assets": assets}) == first
    nested = {
        "inner": {SIGNATURE: ARCHIVE, "path": str(tmp_path / "inner")},
        "b.py": assets["b.py"],
    }
    assert archives.zipped({SIGNATURE: ARCHIVE, "assets": nested}) == first
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert file.namelist() == ["b.py", "inner/a.py"]
        assert file.read("inner/a.py") == b"a = 1"
        assert all(entry.external_attr >> 16 == 0o644 for entry in file.infolist())


def test_a_zip_file_is_sent_as_it_is(tmp_path: Path) -> None:
    made = tmp_path / "made.zip"
    made.write_bytes(archives.zipped(code()))
    assert archives.zipped({SIGNATURE: ARCHIVE, "path": str(made)}) == made.read_bytes()


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        ({"uri": "https://example.com/f.zip"}, "files, folders and assets only"),
        ({"assets": {"a": {SIGNATURE: ASSET, "path": "/no/such/file"}}}, "/no/such/file"),
        ({"assets": {"a": {SIGNATURE: ASSET, "uri": "https://x"}}}, "files and texts only"),
    ],
)
def test_an_archive_that_cannot_be_read_is_named(archive: Properties, reason: str) -> None:
    with pytest.raises(LookupError, match=reason):
        archives.zipped({SIGNATURE: ARCHIVE, **archive})
