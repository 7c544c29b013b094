"""What a table cannot say about log filters and events; see `special.py`."""

import json
import re
import uuid
from typing import Any, Final

from local.providers.aws import documents, schedules
from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.documents import Refusals
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties

_DAY: Final = 24 * 60 * 60

# -- log filters -----------------------------------------------------------------------------

_LONGEST_PATTERN: Final = 1024
_MOST_FILTER_DIMENSIONS: Final = 3
_LONGEST_LOG_POLICY: Final = 5120
_TRANSFORMATION: Final = {
    "name": "metricName",
    "namespace": "metricNamespace",
    "value": "metricValue",
}
_TERM: Final = re.compile(r"[?-]?(\"[^\"]*\"|%[^%]+%|\w+)")


def put_metric_filter(properties: Properties) -> dict[str, Any]:
    given = properties["metricTransformation"]
    sent = {_TRANSFORMATION.get(name, name): value for name, value in given.items()}
    if sent.get("defaultValue") is not None:
        sent["defaultValue"] = float(sent["defaultValue"])
    return {
        "logGroupName": properties["logGroupName"],
        "filterName": properties["name"],
        "filterPattern": properties["pattern"],
        "metricTransformations": [sent],
    }


def metric_filter_as_given(found: Properties, like: Properties) -> None:
    names = {name: key for key, name in _TRANSFORMATION.items()}
    transformation = {
        names.get(name, name): value for name, value in found["metricTransformations"][0].items()
    }
    default, given = transformation.get("defaultValue"), like.get("metricTransformation") or {}
    if default is not None:
        wanted = given.get("defaultValue")
        same = wanted is not None and float(wanted) == float(default)
        transformation["defaultValue"] = wanted if same else f"{default:g}"
    found["metricTransformations"] = [transformation]


def metric_filter(properties: Properties) -> Refusals:
    yield from _pattern(properties.get("pattern"), "pattern")
    given = properties.get("metricTransformation")
    if not isinstance(given, dict):
        return
    for name in ("name", "namespace"):
        text = given.get(name)
        if isinstance(text, str) and not re.fullmatch(r"[^:*$]{1,255}", text):
            yield (
                f"metricTransformation.{name}",
                "InvalidParameterException: 1 to 255 characters without : * $",
            )
    value = given.get("value")
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+)?|\$[\w.\[\]\"']+", value):
        yield (
            "metricTransformation.value",
            "InvalidParameterException: Invalid metric transformation: metricValue must be either "
            f"a number or a $ field reference, not {value!r}",
        )
    default = given.get("defaultValue")
    if isinstance(default, str) and not re.fullmatch(r"-?\d+(\.\d+)?", default):
        yield (
            "metricTransformation.defaultValue",
            f"InvalidParameterException: {default!r} is no number",
        )
    yield from _filter_dimensions(given, properties.get("pattern"))


def _filter_dimensions(given: Properties, pattern: Any) -> Refusals:
    dimensions, where = given.get("dimensions"), "metricTransformation.dimensions"
    if not isinstance(dimensions, dict) or not dimensions:
        return
    if given.get("defaultValue") is not None:
        yield where, "InvalidParameterException: a metric with dimensions has no default value"
    if len(dimensions) > _MOST_FILTER_DIMENSIONS:
        yield where, f"InvalidParameterException: at most {_MOST_FILTER_DIMENSIONS} dimensions"
    if isinstance(pattern, str) and pattern.strip()[:1] not in ("{", "["):
        yield where, "InvalidParameterException: only for JSON and space-delimited patterns"
    for field in dimensions.values():
        if isinstance(field, str) and not field.startswith("$"):
            yield where, f"InvalidParameterException: {field!r} is no field such as $.endpoint"


def _pattern(pattern: Any, where: str) -> Refusals:
    if not isinstance(pattern, str):
        return
    text = pattern.strip()
    reason = None
    if len(pattern) > _LONGEST_PATTERN:
        reason = f"{len(pattern)} characters; at most {_LONGEST_PATTERN}"
    elif text.startswith("{"):
        reason = _json_pattern(text)
    elif text.startswith("["):
        reason = None if text.endswith("]") else "the bracket at its start is not closed"
    elif _TERM.sub("", text).strip():
        reason = f"Invalid character(s) in term {_TERM.sub('', text).strip()!r}; put it in quotes"
    if reason is not None:
        yield where, f"InvalidParameterException: Invalid metric filter pattern: {reason}"


def _json_pattern(text: str) -> str | None:
    plain = re.sub(r"\"[^\"]*\"|%[^%]*%", "x", text)
    if not text.endswith("}") or plain.count('"'):
        return "a brace or a quote is not closed"
    if plain.count("(") != plain.count(")"):
        return "a bracket is not closed"
    for condition in re.split(r"&&|\|\|", plain.strip("{} ")):
        bare = condition.strip(" ()")
        is_selector = bare.startswith("$") or bare.startswith("!")
        compares = re.search(r"(=|<|>|\b(IS|EXISTS)\b)", bare.removeprefix("NOT"))
        if not is_selector or not compares:
            return f"{bare!r} is no comparison such as $.status = 500"
    return None


def log_group_exists(api: Api, properties: Properties) -> None:
    """The emulator takes a filter for a log group that is not there."""
    name = properties["logGroupName"]
    answer = api.call("logs", Call("describe_log_groups"), {}, {"logGroupNamePrefix": name})
    if name not in [group["logGroupName"] for group in answer["logGroups"]]:
        raise ApiError(
            "logs:put_metric_filter refused: ResourceNotFoundException: The specified log group "
            f"does not exist: {name}"
        )


def subscription_filter(properties: Properties) -> Refusals:
    yield from _pattern(properties.get("filterPattern"), "filterPattern")
    arn, role = properties.get("destinationArn"), properties.get("roleArn")
    if not isinstance(arn, str):
        return
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    if service not in ("kinesis", "firehose", "lambda", "logs"):
        yield (
            "destinationArn",
            f"InvalidParameterException: destinationArn {arn!r} is of no Kinesis or Firehose "
            "stream, Lambda function or logs destination",
        )
    elif service in ("kinesis", "firehose") and role is None:
        yield (
            "roleArn",
            f"InvalidParameterException: destinationArn for vendor {service} cannot be used "
            "without roleArn",
        )
    elif service == "lambda" and role is not None:
        yield (
            "roleArn",
            "InvalidParameterException: destinationArn for vendor lambda cannot be used with "
            "roleArn",
        )


def log_resource_policy(properties: Properties) -> Refusals:
    text = properties.get("policyDocument")
    yield from documents.no_json(properties, "policyDocument")
    if isinstance(text, str) and len(text) > _LONGEST_LOG_POLICY:
        yield (
            "policyDocument",
            f"InvalidParameterException: {len(text)} characters; at most {_LONGEST_LOG_POLICY}",
        )
    if properties.get("policyName") is None:
        yield "policyName", "the local cloud has policies of the account only, which have a name"


def query_definition_id(found: Properties, like: Properties) -> None:
    """The emulator has no query definitions, so that there is nobody to give one an id."""
    known = uuid.uuid5(uuid.NAMESPACE_URL, str(like.get("name")))
    found.setdefault("queryDefinitionId", str(known))


# -- events ----------------------------------------------------------------------------------

TARGET_PROPERTIES: Final = (
    "arn",
    "deadLetterConfig",
    "ecsTarget",
    "input",
    "inputPath",
    "inputTransformer",
    "retryPolicy",
    "roleArn",
    "sqsTarget",
)
_TARGET_NAMES: Final = {
    "arn": "Arn",
    "input": "Input",
    "inputPath": "InputPath",
    "roleArn": "RoleArn",
}
_LONGEST_AGE: Final = (60, _DAY)
_MOST_RETRIES: Final = 185


def event_rule(properties: Properties) -> Refusals:
    pattern, schedule = properties.get("eventPattern"), properties.get("scheduleExpression")
    if pattern is None and schedule is None:
        yield (
            "eventPattern",
            "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be "
            "specified",
        )
    if isinstance(schedule, str):
        reason = schedules.problem(schedule, ("cron", "rate"))
        if reason:
            yield (
                "scheduleExpression",
                f"ValidationException: Parameter ScheduleExpression is not valid. {reason}",
            )
        if properties.get("eventBusName") != "default":
            yield (
                "scheduleExpression",
                "ValidationException: ScheduleExpression is supported only on the default event "
                "bus",
            )
    if isinstance(pattern, str):
        document = documents.document(pattern)
        reason = (
            "it is no JSON object" if not isinstance(document, dict) else _event_pattern(document)
        )
        if reason:
            yield (
                "eventPattern",
                f"InvalidEventPatternException: Event pattern is not valid. Reason: {reason}",
            )


def _event_pattern(pattern: Properties) -> str | None:
    if not pattern:
        return "Empty event pattern"
    for name, value in pattern.items():
        if name == "$or":
            continue
        if isinstance(value, dict):
            reason = _event_pattern(value)
            if reason:
                return reason
        elif not isinstance(value, list):
            return f'"{name}" must be an object or an array'
        elif not value:
            return f'"{name}": Empty arrays are not allowed'
    return None


def rule_has_no_target(api: Api, name: str) -> None:
    """The emulator deletes a rule that has targets."""
    try:
        targets = api.call("events", Call("list_targets_by_rule"), {}, {"Rule": name})["Targets"]
    except MissingError:
        return
    if targets:
        raise ApiError(
            "events:delete_rule refused: ValidationException: Rule can't be deleted since it has "
            f"targets: {name}"
        )


def event_target(properties: Properties) -> dict[str, Any]:
    target: dict[str, Any] = {"Id": properties["targetId"]}
    for key, name in _TARGET_NAMES.items():
        if properties.get(key) is not None:
            target[name] = properties[key]
    for key in ("deadLetterConfig", "retryPolicy", "sqsTarget"):
        if properties.get(key) is not None:
            name = "SqsParameters" if key == "sqsTarget" else _upper(key)
            target[name] = {_upper(inner): item for inner, item in properties[key].items()}
    transformer = properties.get("inputTransformer")
    if transformer is not None:
        target["InputTransformer"] = {
            "InputPathsMap": transformer.get("inputPaths") or {},
            "InputTemplate": transformer["inputTemplate"],
        }
    if properties.get("ecsTarget") is not None:
        target["EcsParameters"] = _ecs_target(properties["ecsTarget"])
    return {
        "Rule": properties["rule"],
        "EventBusName": properties["eventBusName"],
        "Targets": [target],
    }


def _upper(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _ecs_target(given: Properties) -> dict[str, Any]:
    result = {
        _upper(name): value
        for name, value in given.items()
        if name in ("group", "launchType", "platformVersion", "taskCount", "taskDefinitionArn")
        and value is not None
    }
    network = given.get("networkConfiguration")
    if network is not None:
        public = "ENABLED" if network.get("assignPublicIp") else "DISABLED"
        groups = network.get("securityGroups") or []
        inside = {"Subnets": network["subnets"], "SecurityGroups": groups, "AssignPublicIp": public}
        result["NetworkConfiguration"] = {"awsvpcConfiguration": inside}
    return result


def event_target_as_given(found: Properties, _: Properties) -> None:
    transformer = found.get("InputTransformer")
    if transformer is not None:
        found["InputTransformer"] = {
            "inputPaths": transformer.get("InputPathsMap"),
            "inputTemplate": transformer["InputTemplate"],
        }
    if "SqsParameters" in found:
        found["SqsTarget"] = found["SqsParameters"]
    if "EcsParameters" in found:
        found["EcsTarget"] = dict(found["EcsParameters"])
        inside = (found["EcsTarget"].get("NetworkConfiguration") or {}).get("awsvpcConfiguration")
        if inside:
            public = inside.get("AssignPublicIp") == "ENABLED"
            found["EcsTarget"]["NetworkConfiguration"] = {**inside, "AssignPublicIp": public}


def event_target_settings(properties: Properties) -> Refusals:
    inputs = [
        n for n in ("input", "inputPath", "inputTransformer") if properties.get(n) is not None
    ]
    if len(inputs) > 1:
        yield (
            inputs[1],
            "ValidationException: only one of Input, InputPath and InputTransformer; "
            f"{inputs[0]} is given",
        )
    text = properties.get("input")
    if isinstance(text, str) and not _is_json(text):
        yield "input", "ValidationException: Parameter Input is not valid. Reason: no JSON"
    arn = properties.get("arn")
    if isinstance(arn, str) and arn.count(":") < 5:
        yield (
            "arn",
            f"ValidationException: Parameter {arn} is not valid. Reason: Provided Arn is not in "
            "correct format",
        )
    if properties.get("ecsTarget") is not None and properties.get("roleArn") is None:
        yield "roleArn", "ValidationException: RoleArn is required for target of type ECS"
    dead = documents.structure(properties.get("deadLetterConfig")).get("arn")
    if isinstance(dead, str) and (dead.split(":")[2:3] != ["sqs"] or dead.endswith(".fifo")):
        yield (
            "deadLetterConfig.arn",
            "ValidationException: a dead-letter queue is a standard SQS queue",
        )
    retry = documents.structure(properties.get("retryPolicy"))
    age, attempts = retry.get("maximumEventAgeInSeconds"), retry.get("maximumRetryAttempts")
    least, most = _LONGEST_AGE
    if isinstance(age, int) and not least <= age <= most:
        yield "retryPolicy.maximumEventAgeInSeconds", f"ValidationException: from {least} to {most}"
    if isinstance(attempts, int) and not 0 <= attempts <= _MOST_RETRIES:
        yield "retryPolicy.maximumRetryAttempts", f"ValidationException: from 0 to {_MOST_RETRIES}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# -- RDS events ------------------------------------------------------------------------------

DATABASE_EVENTS: Final = ("enabled", "eventCategories", "snsTopic", "sourceIds", "sourceType")
_DATABASE_EVENT_NAMES: Final = {
    "enabled": "Enabled",
    "eventCategories": "EventCategories",
    "snsTopic": "SnsTopicArn",
    "sourceIds": "SourceIds",
    "sourceType": "SourceType",
}


def nothing(_: Properties) -> dict[str, Any]:
    return {}


def event_subscription_again(properties: Properties) -> dict[str, Any]:
    tags = properties.get("tags") or {}
    return {
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **{
            name: properties[key]
            for key, name in _DATABASE_EVENT_NAMES.items()
            if properties.get(key) is not None
        },
    }


def database_events(properties: Properties) -> Refusals:
    if properties.get("sourceIds") and properties.get("sourceType") is None:
        yield "sourceType", "InvalidParameterCombination: SourceIds need a SourceType"
    topic_arn = properties.get("snsTopic")
    if isinstance(topic_arn, str) and topic_arn.split(":")[2:3] != ["sns"]:
        yield "snsTopic", f"SNSInvalidTopicFault: {topic_arn} is no topic"
