"""What a table cannot say about functions, schedules and state machines; see `special.py`."""

import json
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

import cfnlint.data.AdditionalSpecs
import cfnlint.data.schemas.extensions.aws_lambda_function as function_data

from local.providers.aws import archives, schedules, trust
from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, has_unknown

Refusals = Iterator[tuple[str, str]]

# -- functions -------------------------------------------------------------------------------

_SOURCES: Final = {
    "s3Bucket": "S3Bucket",
    "s3Key": "S3Key",
    "s3ObjectVersion": "S3ObjectVersion",
    "sourceKmsKeyArn": "SourceKMSKeyArn",
}
CODE: Final = ("architectures", "code", "sourceCodeHash", *_SOURCES)

# What UpdateFunctionConfiguration is sent where the program gives nothing: left out, the old
# value would stay.
_UNSET: Final = {
    "deadLetterConfig": {"TargetArn": ""},
    "description": "",
    "environment": {"Variables": {}},
    "ephemeralStorage": {"Size": 512},
    "kmsKeyArn": "",
    "layers": [],
    "loggingConfig": {"LogFormat": "Text"},
    "tracingConfig": {"Mode": "PassThrough"},
    "vpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
_SETTINGS: Final = ("handler", "memorySize", "role", "runtime", "timeout")
CONFIGURATION: Final = (*_UNSET, *_SETTINGS)
_SPELLINGS: Final = {"kmsKeyArn": "KMSKeyArn"}

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_ENVIRONMENT_BYTES: Final = 4096


def function_to_send(properties: Properties) -> Properties:
    """All sources of the code in one, so that a new hash or S3 key is a change of the code."""
    result = {k: v for k, v in properties.items() if k not in (*_SOURCES, "sourceCodeHash")}
    sources = {k: properties[k] for k in (*_SOURCES, "sourceCodeHash") if properties.get(k)}
    if sources or properties.get("code") is not None:
        archive = {"archive": properties["code"]} if properties.get("code") is not None else {}
        result["code"] = {**sources, **archive}
    if properties.get("reservedConcurrentExecutions") == -1:
        del result["reservedConcurrentExecutions"]
    return result


def code_of(code: Properties) -> dict[str, Any]:
    """Lambda's `Code`, from the archive or from where it is in S3."""
    if "archive" in code:
        return {"ZipFile": archives.zipped(code["archive"])}
    return {name: code[key] for key, name in _SOURCES.items() if key in code}


def function(properties: Properties) -> dict[str, Any]:
    names = [name for name in CONFIGURATION if properties.get(name) is not None]
    rest = {
        _spelt(name): properties[name]
        for name in ("architectures", "packageType", "publish")
        if properties.get(name) is not None
    }
    return {
        "FunctionName": properties["name"],
        "Code": code_of(properties["code"]),
        **{_spelt(name): _structure(properties[name]) for name in names},
        **rest,
    }


def code_update(properties: Properties) -> dict[str, Any]:
    chosen = properties.get("architectures")
    return {
        **code_of(properties["code"]),
        **({"Architectures": chosen} if chosen else {}),
        "Publish": bool(properties.get("publish")),
    }


def configuration_update(properties: Properties) -> dict[str, Any]:
    given = {name: properties[name] for name in CONFIGURATION if properties.get(name) is not None}
    return {
        **{_spelt(name): empty for name, empty in _UNSET.items()},
        **{_spelt(name): _structure(value) for name, value in given.items()},
    }


def _spelt(name: str) -> str:
    return _SPELLINGS.get(name, name[:1].upper() + name[1:])


def _structure(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key[:1].upper() + key[1:]: item for key, item in value.items() if item is not None}


def function_as_given(found: Properties, like: Properties) -> None:
    """A hash that the program gives is a trigger, which AWS does not know."""
    if like.get("sourceCodeHash"):
        found["SourceCodeHash"] = like["sourceCodeHash"]


def function_settings(properties: Properties) -> Refusals:
    yield from _runtime(properties.get("runtime"))
    yield from _environment(properties.get("environment"))
    yield from _code(properties)
    handler, runtime = properties.get("handler"), str(properties.get("runtime"))
    if (
        isinstance(handler, str)
        and runtime.startswith(("python", "nodejs", "ruby"))
        and not re.fullmatch(r"[^\s.]+(\.[^\s.]+)+", handler)
    ):
        yield "handler", f"'{handler}' names no function of a file: it is file.function"
    if properties.get("imageUri") is not None:
        yield "imageUri", "the local cloud has functions of zip files only"


def _runtime(runtime: object) -> Refusals:
    ends = _lifecycles().get(str(runtime))
    if ends is None or date.today() < date.fromisoformat(ends["deprecated"]):
        return
    yield (
        "runtime",
        f"the runtime {runtime} is deprecated since {ends['deprecated']}, and from "
        f"{ends['create-block']} AWS creates no function with it; use {ends['successor']}",
    )


@cache
def _lifecycles() -> dict[str, Any]:
    file = resources.files(cfnlint.data.AdditionalSpecs).joinpath("LmbdRuntimeLifecycle.json")
    return dict(json.loads(file.read_text()))


@cache
def _reserved() -> frozenset[str]:
    file = resources.files(function_data).joinpath("environment_variable_keys.json")
    return frozenset(json.loads(file.read_text())["propertyNames"]["not"]["enum"])


def _environment(environment: object) -> Refusals:
    """No value is in a message: environments hold secrets."""
    variables = environment.get("variables") if isinstance(environment, dict) else None
    if not isinstance(variables, dict):
        return
    for name, value in variables.items():
        where = f"environment.variables.{name}"
        if name in _reserved():
            yield (
                where,
                f"Lambda was unable to configure your environment variables because {name} is a "
                "reserved key that is currently not supported for modification",
            )
        if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]+", name):
            yield where, f"'{name}' does not match [a-zA-Z][a-zA-Z0-9_]+"
        if not isinstance(value, str) and not has_unknown(value):
            yield where, "the value is no text"
    if not has_unknown(variables):
        size = len(json.dumps(variables).encode())
        if size > _ENVIRONMENT_BYTES:
            yield (
                "environment",
                f"the environment variables have {size} bytes as JSON, over Lambda's "
                f"{_ENVIRONMENT_BYTES}",
            )


def _code(properties: Properties) -> Refusals:
    code, bucket = properties.get("code"), properties.get("s3Bucket")
    if (code is None) == (bucket is None):
        yield "code", "give either code (an archive) or s3Bucket and s3Key"
    if (bucket is None) != (properties.get("s3Key") is None):
        yield "s3Key", "s3Bucket and s3Key go together"
    if code is not None and not has_unknown(code):
        try:
            empty = not archives.is_content(code) or not archives.zipped(code)
        except LookupError as error:
            yield "code", str(error)
        else:
            if empty:
                yield "code", "the code is no archive"


def reserve_concurrency(api: Api, name: str, properties: Properties) -> None:
    """CreateFunction does not take it."""
    reserved = properties.get("reservedConcurrentExecutions", -1)
    if reserved >= 0:
        params = {"FunctionName": name, "ReservedConcurrentExecutions": reserved}
        api.call("lambda", Call("put_function_concurrency"), {}, params)


def lambda_may_assume(api: Api, properties: Properties) -> None:
    if not trust.admits(api, str(properties["role"]), "lambda.amazonaws.com"):
        raise ApiError(
            "lambda refused: InvalidParameterValueException: The role defined for the function "
            f"cannot be assumed by Lambda: {properties['role']}"
        )


def permission_as_given(found: Properties, like: Properties) -> None:
    """The statement of the function's policy, as the request that made it."""
    statements = json.loads(found["Policy"])["Statement"]
    statement = next(one for one in statements if one["Sid"] == like["statementId"])
    principal = statement["Principal"]
    if isinstance(principal, dict):
        (principal,) = principal.values()
    if str(principal) == f"arn:aws:iam::{like.get('principal')}:root":
        principal = like["principal"]
    tests = {
        name.lower(): value
        for condition in statement.get("Condition", {}).values()
        for name, value in condition.items()
    }
    found.update(
        Action=statement["Action"],
        Principal=principal,
        SourceArn=tests.get("aws:sourcearn"),
        SourceAccount=tests.get("aws:sourceaccount"),
        PrincipalOrgID=tests.get("aws:principalorgid"),
    )


def no_qualifier(properties: Properties) -> Refusals:
    if properties.get("qualifier") is not None:
        yield "qualifier", "the local cloud configures the function itself only; leave it out"


def invoke_config_as_given(found: Properties, _: Properties) -> None:
    """Lambda answers with both destinations, empty where there is none."""
    given = {k: v for k, v in (found.get("DestinationConfig") or {}).items() if v}
    found["DestinationConfig"] = given or None


def mapping_as_given(found: Properties, _: Properties) -> None:
    found["Enabled"] = found["State"] in ("Creating", "Enabling", "Enabled")


def queue_waits_for_function(api: Api, properties: Properties) -> None:
    """Lambda refuses a queue whose messages come back while the function still works on them."""
    arn = str(properties.get("eventSourceArn"))
    if not arn.startswith("arn:aws:sqs:"):
        return
    queue = api.call("sqs", Call("get_queue_url"), {}, {"QueueName": arn.split(":")[-1]})
    wanted = {"QueueUrl": queue["QueueUrl"], "AttributeNames": ["VisibilityTimeout"]}
    attributes = api.call("sqs", Call("get_queue_attributes"), {}, wanted)["Attributes"]
    name = {"FunctionName": properties["functionName"]}
    timeout = api.call("lambda", Call("get_function_configuration"), {}, name)["Timeout"]
    visible = int(attributes["VisibilityTimeout"])
    if visible < timeout:
        raise ApiError(
            "lambda:create_event_source_mapping refused: InvalidParameterValueException: Queue "
            f"visibility timeout: {visible} seconds is less than Function timeout: {timeout} "
            "seconds"
        )


# -- schedules -------------------------------------------------------------------------------


def schedule(properties: Properties) -> Refusals:
    expression, zone = (
        properties.get("scheduleExpression"),
        properties.get("scheduleExpressionTimezone"),
    )
    kinds = ("cron", "rate", "at")
    if isinstance(expression, str) and (reason := schedules.problem(expression, kinds)):
        yield "scheduleExpression", reason
    if isinstance(zone, str) and (reason := schedules.time_zone_problem(zone)):
        yield "scheduleExpressionTimezone", reason
    window = properties.get("flexibleTimeWindow")
    if isinstance(window, dict) and not has_unknown(window):
        flexible, minutes = window.get("mode") == "FLEXIBLE", window.get("maximumWindowInMinutes")
        if not flexible and minutes is not None:
            yield (
                "flexibleTimeWindow",
                "MaximumWindowInMinutes cannot be given when the mode of the FlexibleTimeWindow is "
                "OFF",
            )
        if flexible and minutes is None:
            yield (
                "flexibleTimeWindow",
                "MaximumWindowInMinutes must be given when the mode of the FlexibleTimeWindow is "
                "FLEXIBLE",
            )


def scheduler_may_assume(api: Api, properties: Properties) -> None:
    role = str(properties["target"]["roleArn"])
    if not trust.admits(api, role, "scheduler.amazonaws.com"):
        raise ApiError(
            "scheduler refused: ValidationException: The execution role you provide must allow AWS "
            f"EventBridge Scheduler to assume the role: {role}"
        )
    group = {"Name": properties.get("groupName", "default")}
    api.call("scheduler", Call("get_schedule_group"), {}, group)


# -- state machines --------------------------------------------------------------------------


def state_machine_to_send(properties: Properties) -> Properties:
    """Step Functions nests the log group that pulumi-aws has beside the level."""
    logging = properties.get("loggingConfiguration")
    if not isinstance(logging, dict) or "logDestination" not in logging:
        return properties
    rest = {key: value for key, value in logging.items() if key != "logDestination"}
    group = {"cloudWatchLogsLogGroup": {"logGroupArn": logging["logDestination"]}}
    return {**properties, "loggingConfiguration": {**rest, "destinations": [group]}}


def state_machine_as_given(found: Properties, _: Properties) -> None:
    logging = dict(found.get("loggingConfiguration") or {})
    for destination in logging.pop("destinations", None) or []:
        logging["logDestination"] = destination["cloudWatchLogsLogGroup"]["logGroupArn"]
    found["loggingConfiguration"] = logging


def definition(properties: Properties) -> Refusals:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html"""
    text = properties.get("definition")
    if not isinstance(text, str):
        return
    try:
        machine = json.loads(text)
    except ValueError as error:
        yield "definition", f"Invalid State Machine Definition: INVALID_JSON_DESCRIPTION: {error}"
        return
    for reason in _machine(machine):
        yield "definition", f"Invalid State Machine Definition: {reason}"
    logs = properties.get("loggingConfiguration")
    group = logs.get("logDestination") if isinstance(logs, dict) else None
    if isinstance(group, str) and not group.endswith(":*"):
        yield "loggingConfiguration.logDestination", "the log group's ARN must end with :*"


def _machine(machine: Any) -> Iterator[str]:
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states:
        yield "SCHEMA_VALIDATION_FAILED: States is required"
        return
    if "StartAt" not in machine:
        yield "SCHEMA_VALIDATION_FAILED: StartAt is required"
    elif machine["StartAt"] not in states:
        yield f"MISSING_TRANSITION_TARGET: StartAt names no state: {machine['StartAt']}"
    for name, state in states.items():
        if not isinstance(state, dict):
            yield f"SCHEMA_VALIDATION_FAILED: {name} is no state"
            continue
        for target in _targets(state):
            if target not in states:
                yield f"MISSING_TRANSITION_TARGET: {name} goes on to {target}, which is no state"
        for branch in _inner(state):
            yield from _machine(branch)


def _targets(state: Properties) -> Iterator[str]:
    parts = [state, *state.get("Choices", []), *state.get("Catch", [])]
    for part in parts:
        yield from (part[key] for key in ("Next", "Default") if key in part)


def _inner(state: Properties) -> Iterator[Any]:
    yield from state.get("Branches", [])
    yield from (state[key] for key in ("Iterator", "ItemProcessor") if key in state)


def states_may_assume(api: Api, properties: Properties) -> None:
    role = str(properties["roleArn"])
    services = ("states.amazonaws.com", f"states.{api.region}.amazonaws.com")
    if not any(trust.admits(api, role, service) for service in services):
        raise ApiError(
            "states refused: AccessDeniedException: Neither the global service principal "
            f"{services[0]}, nor the regional one is authorized to assume the provided role {role}"
        )
