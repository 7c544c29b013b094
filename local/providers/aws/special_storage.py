"""What a table cannot say about S3; see `special.py`."""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any, Final
from urllib.parse import urlencode

import botocore.session
import cfnlint.data.AdditionalSpecs
from botocore.model import ListShape, Shape, StringShape, StructureShape

from local.providers.aws import documents
from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.documents import Refusals
from local.providers.aws.names import find_name
from local.providers.aws.rows import Call
from local.providers.aws.shapes import is_json
from local.providers.aws.values import Properties

Parameters = Callable[[Properties], dict[str, Any]]

_FIRST_REGION: Final = "us-east-1"

# -- shapes ----------------------------------------------------------------------------------


@cache
def _shape(name: str) -> Shape:
    return botocore.session.get_session().get_service_model("s3").shape_for(name)


def _as(shape_name: str, value: Any) -> Any:
    """`value` under S3's own names; unlike `to_shape`, with unknown values left as they are."""
    return _converted(value, _shape(shape_name))


def _converted(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            name or key: _converted(item, shape.members[name]) if name else item
            for key, item in value.items()
            if item is not None
            for name in (find_name(key, shape.members, {}),)
        }
    if isinstance(shape, ListShape) and isinstance(value, Mapping):  # tags
        return [{"Key": key, "Value": item} for key, item in value.items()]
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_converted(item, shape.member) for item in value]
    return value


def shape(
    operation: str, parameters: Parameters, properties: tuple[str, ...]
) -> Callable[[Properties], Refusals]:
    """A check of what botocore knows of the operation: required members and enums."""
    name = "".join(part.capitalize() for part in operation.split("_")) + "Request"

    def check(given: Properties) -> Refusals:
        for path, reason in _violations(parameters(given), _shape(name), []):
            steps = [_pulumi_name(step) for step in path]
            own = {*properties, *(f"{name}s" for name in properties)}
            start = next((i for i, step in enumerate(steps) if step in own), 0)
            yield ".".join(steps[start:]), f"MalformedXML: {reason}"

    return check


def _pulumi_name(name: str) -> str:
    """`SSEAlgorithm` as Pulumi spells it: `sseAlgorithm`."""
    start = re.match(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+$|[A-Z]", name)
    spelled = name if start is None else f"{start[0].lower()}{name[start.end() :]}"
    return f"{spelled[:-2]}Id" if spelled.endswith("ID") else spelled


def _violations(value: Any, shape: Shape, path: list[str]) -> Iterator[tuple[list[str], str]]:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name in shape.required_members:
            if value.get(name) is None:
                yield [*path, name], f"{name} is required"
        for name, item in value.items():
            if name not in shape.members:
                yield [*path, name], f"{shape.name} has no {name}"
            else:
                yield from _violations(item, shape.members[name], [*path, name])
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _violations(item, shape.member, [*path, str(index)])
    elif isinstance(shape, StringShape) and isinstance(value, str):
        allowed = shape.enum or [value]
        if value not in allowed:
            yield path, f"{value!r} is not one of {', '.join(allowed)}"


def tags_as_given(found: Properties, _: Properties) -> None:
    """S3 has pairs where the program has a map of tags."""
    for rule in found.get("Rules", []):
        both = rule.get("Filter", {}).get("And", {})
        if isinstance(both.get("Tags"), list):
            both["Tags"] = {tag["Key"]: tag["Value"] for tag in both["Tags"]}


# -- buckets ---------------------------------------------------------------------------------

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_STARTS: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_name(properties: Properties) -> Refusals:
    name = properties.get("bucket")
    if not isinstance(name, str):
        return
    reason = None
    if not _NAME.fullmatch(name):
        reason = "3 to 63 small letters, digits, hyphens and dots, the first and last no hyphen"
    elif ".." in name or _is_address(name):
        reason = "no two dots in a row and no IP address"
    elif name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS):
        reason = f"not like {', '.join(_RESERVED_STARTS)}…, …{', …'.join(_RESERVED_ENDS)}"
    if reason is not None:
        yield "bucket", f"InvalidBucketName: {name!r} is no bucket name: {reason}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def bucket(properties: Properties) -> dict[str, Any]:
    region = properties["region"]
    here = {"LocationConstraint": region}
    return {
        "Bucket": properties["bucket"],
        "ObjectLockEnabledForBucket": bool(properties.get("objectLockEnabled")),
        # AWS's default since April 2023; the emulator's is the older one.
        "ObjectOwnership": "BucketOwnerEnforced",
        **({} if region == _FIRST_REGION else {"CreateBucketConfiguration": here}),
    }


def give_bucket_its_defaults(api: Api, name: str, _: Properties) -> None:
    """AWS blocks public access to a new bucket and encrypts it; the emulator does neither."""
    block = dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    params = {"Bucket": name, "PublicAccessBlockConfiguration": block}
    api.call("s3", Call("put_public_access_block"), {}, params)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    params = {"Bucket": name, "ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    api.call("s3", Call("put_bucket_encryption"), {}, params)


def empty_bucket(api: Api, name: str, properties: Properties) -> None:
    """`forceDestroy` takes every version with the bucket; without it S3 says BucketNotEmpty."""
    if properties.get("forceDestroy"):
        while _delete_versions(api, name, ""):
            pass


def _delete_versions(api: Api, name: str, prefix: str, key: str | None = None) -> bool:
    params = {"Bucket": name, "Prefix": prefix}
    page = api.call("s3", Call("list_object_versions"), {}, params)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    objects = [
        {"Key": item["Key"], "VersionId": item["VersionId"]}
        for item in found
        if key in (None, item["Key"])
    ]
    if objects:
        api.call(
            "s3",
            Call("delete_objects"),
            {},
            {"Bucket": name, "Delete": {"Objects": objects}, "BypassGovernanceRetention": True},
        )
    return bool(objects)


def _region(api: Api, name: str) -> str:
    answer = api.call("s3", Call("get_bucket_location"), {}, {"Bucket": name})
    return str(answer.get("LocationConstraint") or _FIRST_REGION)


def bucket_is_here(api: Api, properties: Properties) -> None:
    """The emulator serves a bucket in every region; AWS sends the caller to the bucket's own."""
    name = properties["bucket"]
    where = _region(api, name)
    if where != api.region:
        raise ApiError(
            f"s3 refused: PermanentRedirect: bucket {name} is in {where} and this resource in "
            f'{api.region}; give it region="{where}"'
        )


def _versioning(api: Api, name: str) -> str:
    answer = api.call("s3", Call("get_bucket_versioning"), {}, {"Bucket": name})
    return str(answer.get("Status", ""))


def _exists(api: Api, operation: str, name: str) -> bool:
    try:
        api.call("s3", Call(operation), {}, {"Bucket": name})
    except MissingError:
        return False
    return True


# -- settings --------------------------------------------------------------------------------


def _wrapped(properties: Properties, member: str, *names: str) -> dict[str, Any]:
    given = {name: properties.get(name) for name in names}
    return {"Bucket": properties.get("bucket"), member: _as(member, given)}


def public_access_block(properties: Properties) -> dict[str, Any]:
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return _wrapped(properties, "PublicAccessBlockConfiguration", *names)


def ownership_controls(properties: Properties) -> dict[str, Any]:
    rules = {"rules": [properties.get("rule")]}
    return {
        "Bucket": properties.get("bucket"),
        "OwnershipControls": _as("OwnershipControls", rules),
    }


def encryption(properties: Properties) -> dict[str, Any]:
    return _wrapped(properties, "ServerSideEncryptionConfiguration", "rules")


def encryption_key(properties: Properties) -> Refusals:
    for index, rule in enumerate(documents.items(properties.get("rules"))):
        default = rule.get("applyServerSideEncryptionByDefault")
        if not isinstance(default, dict):
            continue
        if default.get("sseAlgorithm") == "AES256" and default.get("kmsMasterKeyId") is not None:
            yield (
                f"rules.{index}.applyServerSideEncryptionByDefault.kmsMasterKeyId",
                "InvalidArgument: a KMSMasterKeyID is not applicable if the default sse algorithm "
                "is not aws:kms or aws:kms:dsse",
            )


def versioning(properties: Properties) -> dict[str, Any]:
    given = properties.get("versioningConfiguration")
    return {
        "Bucket": properties.get("bucket"),
        "VersioningConfiguration": _as("VersioningConfiguration", given),
    }


def no_mfa_delete(properties: Properties) -> Refusals:
    given = properties.get("versioningConfiguration")
    if isinstance(given, dict) and given.get("mfaDelete") not in (None, "Disabled"):
        yield (
            "versioningConfiguration.mfaDelete",
            "only the root user with its MFA device can set this; leave it out",
        )


def versioning_can_be_set(api: Api, properties: Properties) -> None:
    bucket_is_here(api, properties)
    if properties["versioningConfiguration"].get("status") == "Suspended":
        _refuse_suspension(api, properties["bucket"])


def _refuse_suspension(api: Api, name: str) -> None:
    for operation, what in (
        ("get_object_lock_configuration", "An Object Lock configuration"),
        ("get_bucket_replication", "A replication configuration"),
    ):
        if _exists(api, operation, name):
            raise ApiError(
                f"s3:put_bucket_versioning refused: InvalidBucketState: {what} is present on "
                f"bucket {name}, so the versioning state cannot be changed"
            )


def suspend_versioning(api: Api, name: str, _: Properties) -> None:
    """A bucket never becomes unversioned again; under Object Lock it stays as it is."""
    if _exists(api, "get_object_lock_configuration", name) or _versioning(api, name) != "Enabled":
        return
    _refuse_suspension(api, name)
    params = {"Bucket": name, "VersioningConfiguration": {"Status": "Suspended"}}
    api.call("s3", Call("put_bucket_versioning"), {}, params)


def logging(properties: Properties) -> dict[str, Any]:
    names = ("targetBucket", "targetPrefix", "targetObjectKeyFormat")
    enabled = {name: properties.get(name) for name in names}
    return {
        "Bucket": properties.get("bucket"),
        "BucketLoggingStatus": {"LoggingEnabled": _as("LoggingEnabled", enabled)},
    }


def object_lock(properties: Properties) -> dict[str, Any]:
    return _wrapped(properties, "ObjectLockConfiguration", "objectLockEnabled", "rule")


def retention(properties: Properties) -> Refusals:
    rule = properties.get("rule")
    default = rule.get("defaultRetention") if isinstance(rule, dict) else None
    if not isinstance(default, dict):
        return
    given = [default[name] for name in ("days", "years") if default.get(name) is not None]
    if len(given) != 1 or default.get("mode") is None:
        yield (
            "rule.defaultRetention",
            "MalformedXML: a default retention has a mode and either days or years",
        )
    elif isinstance(given[0], int) and given[0] < 1:
        yield (
            "rule.defaultRetention",
            "InvalidArgument: Default retention period must be a positive integer value",
        )


def take_away_retention(api: Api, name: str, _: Properties) -> None:
    """Object Lock itself stays for ever."""
    params = {"Bucket": name, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    api.call("s3", Call("put_object_lock_configuration"), {}, params)


# -- lifecycle -------------------------------------------------------------------------------

_LEAST_DAYS: Final = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
_ACTIONS: Final = (
    "abortIncompleteMultipartUpload",
    "expiration",
    "noncurrentVersionExpiration",
    "noncurrentVersionTransitions",
    "transitions",
)


def lifecycle(properties: Properties) -> dict[str, Any]:
    rules = {"rules": properties.get("rules")}
    smallest = properties.get("transitionDefaultMinimumObjectSize")
    return {
        "Bucket": properties.get("bucket"),
        "LifecycleConfiguration": _as("BucketLifecycleConfiguration", rules),
        **({"TransitionDefaultMinimumObjectSize": smallest} if smallest else {}),
    }


def lifecycle_rules(properties: Properties) -> Refusals:
    rules = documents.items(properties.get("rules"))
    ids = [rule.get("id") for rule in rules if isinstance(rule.get("id"), str)]
    if len(ids) != len(set(ids)):
        yield (
            "rules",
            "InvalidArgument: Rule ID must be unique. Found same ID for more than one rule",
        )
    for index, rule in enumerate(rules):
        for where, reason in _lifecycle_rule(rule):
            yield f"rules.{index}{where}", reason


def _lifecycle_rule(rule: Properties) -> Refusals:
    scope = rule.get("filter")
    if scope is None and rule.get("prefix") is None:
        yield ".filter", "MalformedXML: a rule has a filter; {} is that of every object"
    if isinstance(scope, dict) and len([v for v in scope.values() if v is not None]) > 1:
        yield ".filter", "MalformedXML: a filter has one condition; several stand in `and`"
    if not any(rule.get(name) for name in _ACTIONS):
        yield "", "InvalidRequest: At least one action needs to be specified in a rule"
    expiration = rule.get("expiration")
    if isinstance(expiration, dict):
        kinds = [
            name for name in ("date", "days", "expiredObjectDeleteMarker") if expiration.get(name)
        ]
        if len(kinds) != 1:
            yield (
                ".expiration",
                "MalformedXML: an expiration has one of days (at least 1), date and "
                "expiredObjectDeleteMarker",
            )
    has_tags = isinstance(scope, dict) and (
        "tag" in scope or "tags" in documents.structure(scope.get("and"))
    )
    if has_tags and rule.get("abortIncompleteMultipartUpload"):
        yield (
            ".abortIncompleteMultipartUpload",
            "InvalidRequest: AbortIncompleteMultipartUpload cannot be specified with Tags",
        )
    yield from _lifecycle_days(rule)


def _lifecycle_days(rule: Properties) -> Refusals:
    expiry = documents.structure(rule.get("expiration")).get("days")
    for index, step in enumerate(documents.items(rule.get("transitions"))):
        days, target = step.get("days"), step.get("storageClass")
        if not isinstance(days, int):
            continue
        if days < _LEAST_DAYS.get(str(target), 0):
            yield (
                f".transitions.{index}.days",
                "InvalidArgument: 'Days' in Transition action must be greater than or equal to "
                f"{_LEAST_DAYS[str(target)]} for storageClass '{target}'",
            )
        if isinstance(expiry, int) and expiry <= days:
            yield (
                ".expiration.days",
                "InvalidArgument: 'Days' in the Expiration action must be greater than 'Days' in "
                f"the Transition action ({days})",
            )


# -- replication -----------------------------------------------------------------------------


def replication(properties: Properties) -> dict[str, Any]:
    return _wrapped(properties, "ReplicationConfiguration", "role", "rules")


def replication_rules(properties: Properties) -> Refusals:
    rules = documents.items(properties.get("rules"))
    priorities = [rule["priority"] for rule in rules if isinstance(rule.get("priority"), int)]
    if len(priorities) != len(set(priorities)):
        yield "rules", "InvalidRequest: two replication rules have the same priority"
    for index, rule in enumerate(rules):
        for where, reason in _replication_rule(rule, properties.get("bucket")):
            yield f"rules.{index}.{where}", f"InvalidRequest: {reason}"


def _replication_rule(rule: Properties, source: Any) -> Refusals:
    target = documents.structure(rule.get("destination"))
    criteria = documents.structure(rule.get("sourceSelectionCriteria"))
    objects = documents.structure(criteria.get("sseKmsEncryptedObjects"))
    selected = objects.get("status") == "Enabled"
    key = target.get("encryptionConfiguration") is not None
    if key and not selected:
        yield (
            "sourceSelectionCriteria",
            "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present",
        )
    if selected and not key:
        yield (
            "destination.encryptionConfiguration",
            "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present",
        )
    if rule.get("filter") is not None and rule.get("deleteMarkerReplication") is None:
        yield (
            "deleteMarkerReplication",
            "DeleteMarkerReplication must be specified for this version of Cross Region "
            "Replication configuration schema (a rule with a filter)",
        )
    timed = documents.structure(target.get("replicationTime"))
    metrics = documents.structure(target.get("metrics"))
    if timed.get("status") == "Enabled" and metrics.get("status") != "Enabled":
        yield "destination.metrics", "replication time control needs metrics as well"
    arn = target.get("bucket")
    if isinstance(arn, str):
        if not arn.startswith("arn:"):
            yield "destination.bucket", f"Invalid bucket ARN {arn!r}"
        elif arn.split(":")[-1] == source:
            yield "destination.bucket", "the source and the destination are the same bucket"


def both_sides_are_versioned(api: Api, properties: Properties) -> None:
    """The emulator looks at the source only."""
    bucket_is_here(api, properties)
    refused = "s3:put_bucket_replication refused: InvalidRequest:"
    if _versioning(api, properties["bucket"]) != "Enabled":
        raise ApiError(
            f"{refused} Versioning must be 'Enabled' on the bucket {properties['bucket']} to apply "
            "a replication configuration; let it depend on the bucket's versioning"
        )
    for rule in properties["rules"]:
        target = rule["destination"]["bucket"].split(":")[-1]
        try:
            status = _versioning(api, target)
        except MissingError:
            raise ApiError(f"{refused} Destination bucket must exist: {target}") from None
        if status != "Enabled":
            raise ApiError(
                f"{refused} Destination bucket must have versioning enabled: {target}; let the "
                "replication depend on it"
            )


# -- policies --------------------------------------------------------------------------------

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_NARROWING_KEYS: Final = frozenset(
    {
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)


def policy_is_about_its_bucket(properties: Properties) -> Refusals:
    name, policy = properties.get("bucket"), properties.get("policy")
    if isinstance(policy, str) and not (policy.lstrip().startswith("{") and is_json(policy)):
        yield (
            "policy",
            "MalformedPolicy: Policies must be valid JSON and the first byte must be '{'",
        )
    for statement in documents.statements(policy):
        if "Principal" not in statement and "NotPrincipal" not in statement:
            yield "policy", "MalformedPolicy: Missing required field Principal"
        targets = [str(item) for item in documents.listed(statement.get("Resource", []))]
        if isinstance(name, str):
            for target in targets:
                pattern = target.removeprefix("arn:aws:s3:::").split("/", 1)[0]
                if not fnmatchcase(name, pattern):
                    yield (
                        "policy",
                        f"MalformedPolicy: Policy has invalid resource: {target} is not of bucket "
                        f"{name}",
                    )
        for action in map(str, documents.listed(statement.get("Action", []))):
            if targets and not any(_applies(action, target) for target in targets):
                yield (
                    "policy",
                    f"MalformedPolicy: Action does not apply to any resource(s) in statement: "
                    f"{action} with {', '.join(targets)}",
                )


@cache
def _kinds() -> dict[str, frozenset[str]]:
    """What each S3 action is about, from AWS's service reference in cfn-lint."""
    text = resources.files(cfnlint.data.AdditionalSpecs).joinpath("Policies.json").read_text()
    actions = json.loads(text)["s3"]["Actions"]
    return {name: frozenset(facts.get("Resources", [])) for name, facts in actions.items()}


def _applies(action: str, target: str) -> bool:
    kinds = _kinds().get(action.removeprefix("s3:").lower())
    if not kinds or target.endswith("*"):  # unknown, with a wildcard of its own, or for all
        return not kinds or "/" not in target or "object" in kinds
    return ("object" if "/" in target else "bucket") in kinds


def is_public(statement: Properties) -> bool:
    """What S3 calls public: everyone may, and no condition names who that is."""
    principal = statement.get("Principal")
    everyone = principal == "*" or (
        isinstance(principal, dict) and "*" in documents.listed(principal.get("AWS", []))
    )
    keys = {
        key.lower()
        for test in documents.structure(statement.get("Condition")).values()
        if isinstance(test, dict)
        for key in test
    }
    return statement.get("Effect") == "Allow" and everyone and not keys & _NARROWING_KEYS


def policy_is_allowed(api: Api, properties: Properties) -> None:
    """The emulator takes a public policy whatever the bucket's public access block says."""
    bucket_is_here(api, properties)
    name = properties["bucket"]
    try:
        answer = api.call("s3", Call("get_public_access_block"), {}, {"Bucket": name})
    except MissingError:
        return
    blocks = answer["PublicAccessBlockConfiguration"].get("BlockPublicPolicy")
    if blocks and any(is_public(item) for item in documents.statements(properties["policy"])):
        raise ApiError(
            "s3:put_bucket_policy refused: AccessDenied: public policies are prevented by the "
            f"BlockPublicPolicy setting in S3 Block Public Access of bucket {name}"
        )


# -- objects ---------------------------------------------------------------------------------

_OBJECT_NAMES: Final = {
    "bucketKeyEnabled": "BucketKeyEnabled",
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "kmsKeyId": "SSEKMSKeyId",
    "metadata": "Metadata",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
    "websiteRedirect": "WebsiteRedirectLocation",
}
OBJECT_SETTINGS: Final = ("content", "contentBase64", "sourceHash", *_OBJECT_NAMES)
OBJECT_PROPERTIES: Final = ("bucket", "key", *OBJECT_SETTINGS)


def bucket_object(properties: Properties) -> dict[str, Any]:
    encoded = properties.get("contentBase64")
    body = base64.b64decode(encoded) if encoded else str(properties.get("content") or "").encode()
    encrypted = {"ServerSideEncryption": "aws:kms"} if properties.get("kmsKeyId") else {}
    tags = properties.get("tags") or {}
    return {
        "Bucket": properties["bucket"],
        "Key": properties["key"],
        "Body": body,
        **encrypted,
        **{
            name: properties[key]
            for key, name in _OBJECT_NAMES.items()
            if properties.get(key) is not None
        },
        # An object that is put again has no tag of its predecessor.
        **({"Tagging": urlencode(tags)} if tags else {}),
    }


def object_content(properties: Properties) -> Refusals:
    given = [name for name in ("content", "contentBase64") if properties.get(name) is not None]
    if len(given) > 1:
        yield given[1], f"conflicts with {given[0]}"
    for key in documents.structure(properties.get("metadata")):
        if key != key.lower():
            yield "metadata", f"Metadata must be lowercase only. Offending key: {key!r}"


def object_as_given(found: Properties, _: Properties) -> None:
    found["ETag"] = found["ETag"].strip('"')


def delete_versions_of_object(api: Api, _: str, properties: Properties) -> None:
    """pulumi-aws leaves neither an older version nor a delete marker."""
    _delete_versions(api, properties["bucket"], properties["key"], properties["key"])


# -- notifications ---------------------------------------------------------------------------

_TARGETS: Final = {
    "lambdaFunctions": ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambdaFunctionArn"),
    "queues": ("QueueConfigurations", "QueueArn", "queueArn"),
    "topics": ("TopicConfigurations", "TopicArn", "topicArn"),
}


def notification(properties: Properties) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    for name, (member, arn_member, arn) in _TARGETS.items():
        if properties.get(name):
            wanted[member] = [
                _one_notification(item, arn_member, arn)
                for item in documents.items(properties[name])
            ]
    if properties.get("eventbridge"):
        wanted["EventBridgeConfiguration"] = {}
    return {"Bucket": properties.get("bucket"), "NotificationConfiguration": wanted}


def _one_notification(given: Properties, arn_member: str, arn: str) -> dict[str, Any]:
    rules = [
        {"Name": kind.lower(), "Value": given[f"filter{kind}"]}
        for kind in ("Prefix", "Suffix")
        if given.get(f"filter{kind}") is not None
    ]
    return {
        **({"Id": given["id"]} if given.get("id") else {}),
        arn_member: given.get(arn),
        "Events": given.get("events"),
        **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}),
    }


def notification_as_given(found: Properties, _: Properties) -> None:
    for name, (_member, arn_member, arn) in _TARGETS.items():
        found[name] = [
            {
                "id": item.get("Id"),
                arn: item[arn_member],
                "events": item["Events"],
                **{
                    f"filter{rule['Name'].capitalize()}": rule["Value"]
                    for rule in item.get("Filter", {}).get("Key", {}).get("FilterRules", [])
                },
            }
            for item in found.get(name) or []
        ]


def take_away_notifications(api: Api, name: str, _: Properties) -> None:
    params = {"Bucket": name, "NotificationConfiguration": {}}
    api.call("s3", Call("put_bucket_notification_configuration"), {}, params)
