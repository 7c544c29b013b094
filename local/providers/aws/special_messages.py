"""What a table cannot say about topics and queues; see `special.py`."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.providers.aws import documents
from local.providers.aws.api import Api, ApiError
from local.providers.aws.documents import Refusals
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, Unknown


def _text(value: Any) -> str:
    """As SNS and SQS take every attribute."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


# What SNS has where nothing is given and an empty text is no value.
_SNS_DEFAULTS: Final = {
    "contentBasedDeduplication": False,
    "filterPolicyScope": "MessageAttributes",
    "rawMessageDelivery": False,
    "signatureVersion": 1,
    "tracingConfig": "PassThrough",
}


def attribute(name: str) -> Callable[[Properties], dict[str, Any]]:
    """The parameters of an operation that sets one attribute, here from property `name`."""

    def parameters(properties: Properties) -> dict[str, Any]:
        value = properties.get(name)
        return {"AttributeValue": _text(_SNS_DEFAULTS.get(name) if value is None else value)}

    return parameters


_NUMBERS: Final = frozenset(
    {
        "delaySeconds",
        "kmsDataKeyReusePeriodSeconds",
        "maxMessageSize",
        "messageRetentionSeconds",
        "receiveWaitTimeSeconds",
        "signatureVersion",
        "visibilityTimeoutSeconds",
    }
)
_SWITCHES: Final = frozenset(
    {"contentBasedDeduplication", "rawMessageDelivery", "sqsManagedSseEnabled"}
)


def _typed(found: Properties, names: Mapping[str, str]) -> None:
    """SNS and SQS answer every attribute as a string."""
    for key, name in names.items():
        text = found.get(name)
        if text == "":
            del found[name]
        elif isinstance(text, str) and key in _SWITCHES:
            found[name] = text == "true"
        elif isinstance(text, str) and key in _NUMBERS:
            found[name] = int(text)


# -- SNS -------------------------------------------------------------------------------------

TOPIC_ATTRIBUTES: Final = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
SUBSCRIPTION_ATTRIBUTES: Final = (
    "filterPolicyScope",
    "filterPolicy",
    "rawMessageDelivery",
    "redrivePolicy",
    "deliveryPolicy",
    "subscriptionRoleArn",
)
_TOPIC_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo")
_LONGEST_DISPLAY_NAME: Final = 100
_DEFAULT_TOPIC_ACTIONS: Final = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)
_RAW_PROTOCOLS: Final = frozenset({"sqs", "http", "https", "firehose"})
_ENDPOINTS: Final = {
    "http": (r"http://.+", "Endpoint must match the specified protocol"),
    "https": (r"https://.+", "Endpoint must match the specified protocol"),
    "email": (r"[^@\s]+@[^@\s]+", "Email address"),
    "email-json": (r"[^@\s]+@[^@\s]+", "Email address"),
    "sms": (r"\+?[0-9]{4,15}", "Invalid SMS endpoint"),
    "sqs": (r"arn:aws[\w-]*:sqs:[\w-]+:\d{12}:.+", "SQS endpoint ARN"),
    "lambda": (r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:.+", "Lambda endpoint ARN"),
    "firehose": (r"arn:aws[\w-]*:firehose:[\w-]+:\d{12}:.+", "Firehose endpoint ARN"),
}
# Those whose receiver must answer before anything is delivered.
_TO_BE_CONFIRMED: Final = frozenset({"email", "email-json", "http", "https"})


def topic(properties: Properties) -> dict[str, Any]:
    attributes = {
        name: _text(properties[key])
        for key, name in TOPIC_ATTRIBUTES.items()
        if properties.get(key) is not None and key != "contentBasedDeduplication"
    }
    if properties.get("fifoTopic"):
        attributes["FifoTopic"] = "true"
        deduplicates = properties.get("contentBasedDeduplication")
        attributes["ContentBasedDeduplication"] = _text(bool(deduplicates))
    return {"Name": properties["name"], "Attributes": attributes}


def topic_as_given(found: Properties, like: Properties) -> None:
    _typed(found, TOPIC_ATTRIBUTES)
    found.setdefault("ContentBasedDeduplication", False)
    if like.get("policy") is None:  # a resource of its own: here it would be drift
        found.pop("Policy", None)


def topic_settings(properties: Properties) -> Refusals:
    name = properties.get("name")
    if isinstance(name, str):
        if not _TOPIC_NAME.fullmatch(name):
            yield (
                "name",
                f"InvalidParameter: Topic Name {name!r}: up to 256 letters, digits, hyphens and "
                "underscores",
            )
        elif bool(properties.get("fifoTopic")) != name.endswith(".fifo"):
            yield "name", "InvalidParameter: the name of a FIFO topic, and no other, ends in .fifo"
    shown = properties.get("displayName")
    if isinstance(shown, str) and len(shown) > _LONGEST_DISPLAY_NAME:
        yield (
            "displayName",
            "InvalidParameter: DisplayName must be less than or equal to 100 characters",
        )
    signature = properties.get("signatureVersion")
    if signature is not None and not isinstance(signature, Unknown) and signature not in (1, 2):
        yield "signatureVersion", "InvalidParameter: SignatureVersion is 1 or 2"
    yield from documents.no_json(properties, "deliveryPolicy", "policy")


def topic_policy(properties: Properties) -> Refusals:
    """SNS takes actions of its own and this topic alone."""
    arn = properties.get("arn")
    yield from documents.no_json(properties, "policy")
    for statement in documents.statements(properties.get("policy")):
        for action in map(str, documents.listed(statement.get("Action", []))):
            if action != "*" and not action.lower().startswith("sns:"):
                yield (
                    "policy",
                    "InvalidParameter: Invalid parameter: Policy statement action out of service "
                    f"scope! ({action})",
                )
        for target in map(str, documents.listed(statement.get("Resource", []))):
            if isinstance(arn, str) and target not in (arn, "*"):
                yield (
                    "policy",
                    f"InvalidParameter: Invalid parameter: Policy Error: {target} is not this "
                    f"topic, {arn}",
                )


def reset_topic_policy(api: Api, arn: str, _: Properties) -> None:
    """pulumi-aws gives a topic the policy back that SNS makes for a new one."""
    statement = {
        "Effect": "Allow",
        "Sid": "__default_statement_ID",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _DEFAULT_TOPIC_ACTIONS],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": api.account}},
    }
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    params = {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": json.dumps(policy)}
    api.call("sns", Call("set_topic_attributes"), {}, params)


def subscription(properties: Properties) -> Refusals:
    protocol, endpoint = properties.get("protocol"), properties.get("endpoint")
    if isinstance(protocol, str) and protocol not in (*_ENDPOINTS, "application"):
        yield (
            "protocol",
            f"InvalidParameter: {protocol!r} is not one of {', '.join(_ENDPOINTS)}, application",
        )
    pattern, what = _ENDPOINTS.get(str(protocol), (".*", ""))
    if isinstance(endpoint, str) and not re.fullmatch(pattern, endpoint):
        yield (
            "endpoint",
            f"InvalidParameter: Invalid parameter: {what}: {endpoint!r} for {protocol}",
        )
    if properties.get("rawMessageDelivery") is True and protocol not in _RAW_PROTOCOLS:
        yield (
            "rawMessageDelivery",
            "InvalidParameter: Invalid parameter: Attributes Reason: RawMessageDelivery: Delivery "
            f"protocol [{protocol}] does not support raw message delivery",
        )
    if protocol == "firehose" and properties.get("subscriptionRoleArn") is None:
        yield "subscriptionRoleArn", "InvalidParameter: a firehose subscription needs a role"
    yield from documents.no_json(properties, "filterPolicy", "redrivePolicy", "deliveryPolicy")
    redrive = documents.document(properties.get("redrivePolicy"))
    if isinstance(redrive, dict) and set(redrive) != {"deadLetterTargetArn"}:
        yield "redrivePolicy", "InvalidParameter: a redrive policy has a deadLetterTargetArn alone"


def topic_is_here(api: Api, properties: Properties) -> Refusals:
    arn = properties.get("topic")
    if not isinstance(arn, str):
        return
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != "sns":
        yield "topic", f"InvalidParameter: Invalid parameter: TopicArn {arn!r}"
    elif parts[3] != api.region:
        yield (
            "topic",
            f"InvalidParameter: Invalid parameter: TopicArn: the topic is in {parts[3]}, the "
            f"subscription in {api.region}; give it region={parts[3]!r}",
        )


def subscription_as_it_is(found: Properties, like: Properties) -> None:
    """The emulator confirms every subscription at once; SNS waits for its receiver."""
    names = {name: f"{name[:1].upper()}{name[1:]}" for name in SUBSCRIPTION_ATTRIBUTES}
    _typed(found, names)
    waits = found.get("Protocol") in _TO_BE_CONFIRMED and not like.get("endpointAutoConfirms")
    found["PendingConfirmation"] = waits
    found["ConfirmationWasAuthenticated"] = not waits
    if like.get("filterPolicyScope") is None and "FilterPolicy" not in found:
        found.pop("FilterPolicyScope", None)


# -- SQS -------------------------------------------------------------------------------------

QUEUE_ATTRIBUTES: Final = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
# What SQS takes away when it is sent as an empty text.
_QUEUE_TEXTS: Final = ("kmsMasterKeyId", "policy", "redriveAllowPolicy", "redrivePolicy")
_FIFO_ONLY: Final = ("contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit")
_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
_MOST_RECEIVES: Final = 1000


def _queue_values(properties: Properties) -> dict[str, str]:
    fifo = properties.get("fifoQueue")
    values = {
        name: _text(properties[key])
        for key, name in QUEUE_ATTRIBUTES.items()
        if properties.get(key) is not None and (fifo or key not in _FIFO_ONLY)
    }
    # SQS encrypts a queue with its own key unless told otherwise; the emulator does not.
    own_key = "false" if properties.get("kmsMasterKeyId") else "true"
    values.setdefault("SqsManagedSseEnabled", own_key)
    return values


def queue(properties: Properties) -> dict[str, Any]:
    fifo = {"FifoQueue": "true"} if properties.get("fifoQueue") else {}
    return {"QueueName": properties["name"], "Attributes": {**_queue_values(properties), **fifo}}


def queue_attributes(properties: Properties) -> dict[str, Any]:
    empty = {
        QUEUE_ATTRIBUTES[key]: ""
        for key in _QUEUE_TEXTS
        if properties.get(key) is None and properties.get(f"old_{key}") is not None
    }
    return {"Attributes": {**_queue_values(properties), **empty}}


def queue_as_given(found: Properties, like: Properties) -> None:
    _typed(found, QUEUE_ATTRIBUTES)
    if like.get("policy") is None:  # a resource of its own: here it would be drift
        found.pop("Policy", None)


def queue_settings(properties: Properties) -> Refusals:
    name = properties.get("name")
    if isinstance(name, str):
        if not _QUEUE_NAME.fullmatch(name):
            yield (
                "name",
                f"InvalidParameterValue: {name!r}: Can only include alphanumeric characters, "
                "hyphens, or underscores. 1 to 80 in length",
            )
        elif bool(properties.get("fifoQueue")) != name.endswith(".fifo"):
            yield (
                "name",
                "InvalidParameterValue: the name of a FIFO queue, and no other, ends in .fifo",
            )
    if properties.get("sqsManagedSseEnabled") is True and properties.get("kmsMasterKeyId"):
        yield (
            "sqsManagedSseEnabled",
            "InvalidAttributeValue: You can use one type of server-side encryption (SSE) at one "
            "time. You can either enable KMS SSE or SQS SSE",
        )
    if not properties.get("fifoQueue"):
        for setting in _FIFO_ONLY:
            if properties.get(setting):
                yield setting, f"InvalidAttributeName: {setting} is a FIFO queue's"
    yield from documents.no_json(properties, "policy", "redrivePolicy", "redriveAllowPolicy")
    redrive = documents.document(properties.get("redrivePolicy"))
    if isinstance(redrive, dict):
        reason = _redrive_problem(redrive)
        if reason:
            yield (
                "redrivePolicy",
                "InvalidParameterValue: Value for parameter RedrivePolicy is invalid. Reason: "
                f"{reason}",
            )


def _redrive_problem(redrive: Properties) -> str | None:
    if set(redrive) != {"deadLetterTargetArn", "maxReceiveCount"}:
        return (
            "Redrive policy does not contain the mandatory attributes deadLetterTargetArn and "
            "maxReceiveCount alone"
        )
    count, target = str(redrive["maxReceiveCount"]), str(redrive["deadLetterTargetArn"])
    if not count.isdigit() or not 1 <= int(count) <= _MOST_RECEIVES:
        return f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000"
    if not re.fullmatch(r"arn:aws[\w-]*:sqs:[\w-]+:\d{12}:.+", target):
        return f"Invalid value for deadLetterTargetArn: {target}"
    return None


def dead_letters_have_a_queue(api: Api, properties: Properties) -> None:
    redrive = documents.document(properties.get("redrivePolicy"))
    if not isinstance(redrive, dict):
        return
    target = str(redrive["deadLetterTargetArn"])
    found = api.call("sqs", Call("list_queues"), {}, {"QueueNamePrefix": target.split(":")[-1]})
    here = target.split(":")[3] == api.region
    if not here or not any(
        url.endswith(f"/{target.split(':')[-1]}") for url in found.get("QueueUrls", [])
    ):
        raise ApiError(
            "sqs:create_queue refused: InvalidParameterValue: Value for parameter RedrivePolicy is "
            f"invalid. Reason: Dead letter target does not exist: {target} in {api.region}"
        )


def queue_policy(properties: Properties) -> Refusals:
    yield from documents.no_json(properties, "policy")
    for statement in documents.statements(properties.get("policy")):
        if "Principal" not in statement and "NotPrincipal" not in statement:
            yield (
                "policy",
                "InvalidAttributeValue: Invalid value for the parameter Policy: a statement "
                "without Principal",
            )
        for action in map(str, documents.listed(statement.get("Action", []))):
            if action != "*" and not action.lower().startswith("sqs:"):
                yield (
                    "policy",
                    "InvalidAttributeValue: Invalid value for the parameter Policy: action out of "
                    f"service scope ({action})",
                )
