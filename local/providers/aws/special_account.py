"""What a table cannot say about what an account has once; see `special.py`."""

import json
from collections.abc import Iterator
from typing import Any, Final

from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, Unknown, dicts

Refusals = Iterator[tuple[str, str]]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _document(text: Any) -> dict[str, Any] | None:
    """The document, or None if it is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


# -- ECR -------------------------------------------------------------------------------------


def repository_to_send(properties: Properties) -> Properties:
    """The encryption as one structure, which Pulumi has as a list of one."""
    given = dicts(properties.get("encryptionConfigurations"))
    return {**properties, "encryptionConfigurations": given[0]} if given else properties


def repository_as_given(found: Properties, like: Properties) -> None:
    """An encryption that the program left to AWS is no input of its own."""
    encryption = found.pop("encryptionConfiguration", None)
    given = dicts(like.get("encryptionConfigurations"))
    if encryption and given:
        wanted = given[0].keys()
        found["encryptionConfigurations"] = [
            {name: value for name, value in encryption.items() if name in wanted}
        ]


def forced_deletion(properties: Properties) -> dict[str, Any]:
    return {"force": bool(properties.get("forceDelete"))}


_COUNT_TYPES: Final = (
    "imageCountMoreThan",
    "sinceImagePushed",
    "sinceImagePulled",
    "sinceImageTransitioned",
)


def lifecycle_policy(properties: Properties) -> Refusals:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html"""
    text = properties.get("policy")
    if not isinstance(text, str):
        return
    document = _document(text)
    if document is None or not isinstance(document.get("rules"), list):
        yield "policy", _lifecycle("the policy is no JSON object with a list `rules`")
        return
    rules = dicts(document["rules"])
    priorities = [rule.get("rulePriority") for rule in rules]
    for index, rule in enumerate(rules):
        priority = rule.get("rulePriority")
        if not isinstance(priority, int) or priority < 1:
            yield "policy", _lifecycle(f"rulePriority {priority} is no whole number from 1")
        elif priority in priorities[:index]:
            yield "policy", _lifecycle(f"two rules have rulePriority {priority}")
        if (rule.get("action") or {}).get("type") not in ("expire", "transition"):
            yield "policy", _lifecycle(f"the action of rule {priority} is not `expire`")
        for reason in _selection(rule.get("selection") or {}):
            yield "policy", _lifecycle(f"rule {priority}: {reason}")
    catch_all = [
        rule["rulePriority"]
        for rule in rules
        if (rule.get("selection") or {}).get("tagStatus") == "any"
        and isinstance(rule.get("rulePriority"), int)
    ]
    numbers = [priority for priority in priorities if isinstance(priority, int)]
    if catch_all and (len(catch_all) > 1 or catch_all[0] != max(numbers)):
        yield (
            "policy",
            _lifecycle("one rule may have tagStatus `any`, and it must have the highest number"),
        )


def lifecycle_policy_as_given(found: Properties, like: Properties) -> None:
    """ECR answers the rules in another order and layout, which means the same."""
    given = like.get("policy")
    if isinstance(given, str) and _in_order(given) == _in_order(found["lifecyclePolicyText"]):
        found["lifecyclePolicyText"] = given


def _in_order(text: str) -> list[dict[str, Any]]:
    rules = dicts((_document(text) or {}).get("rules"))
    return sorted(rules, key=lambda rule: int(rule.get("rulePriority", 0)))


def _lifecycle(reason: str) -> str:
    return f"InvalidParameterException: Lifecycle policy validation failure: {reason}"


def _selection(selection: dict[str, Any]) -> Iterator[str]:
    status = selection.get("tagStatus")
    tags = [name for name in ("tagPrefixList", "tagPatternList") if selection.get(name)]
    if status not in ("tagged", "untagged", "any"):
        yield f"tagStatus {status} is not one of tagged, untagged, any"
    elif status == "tagged" and not tags:
        yield "tagStatus `tagged` needs tagPrefixList or tagPatternList"
    elif status != "tagged" and tags:
        yield f"{tags[0]} goes with tagStatus `tagged`, not `{status}`"
    kind, unit = selection.get("countType"), selection.get("countUnit")
    if kind not in _COUNT_TYPES:
        yield f"countType {kind} is not one of {', '.join(_COUNT_TYPES)}"
    elif str(kind).startswith("since") != (unit is not None):
        yield f"countUnit `days` goes with a countType that counts days, and only so; not {kind}"
    number = selection.get("countNumber")
    if not isinstance(number, int) or number < 1:
        yield f"countNumber {number} is no whole number from 1"


def repository_policy(properties: Properties) -> Refusals:
    text = properties.get("policy")
    if isinstance(text, str) and _document(text) is None:
        yield "policy", "InvalidParameterException: the policy is no JSON object"


def scanning_to_send(properties: Properties) -> Properties:
    return {"rules": [], **properties}


def scanning(properties: Properties) -> Refusals:
    for rule in dicts(properties.get("rules")):
        continuous = rule.get("scanFrequency") == "CONTINUOUS_SCAN"
        if continuous and properties.get("scanType") == "BASIC":
            yield (
                "rules",
                "InvalidParameterException: scanType BASIC scans on push or by hand; "
                "CONTINUOUS_SCAN needs ENHANCED",
            )


def scan_nothing(api: Api, _: str, __: Properties) -> None:
    """A registry always has a scanning configuration; a new one's is this."""
    params = {"scanType": "BASIC", "rules": []}
    api.call("ecr", Call("put_registry_scanning_configuration"), {}, params)


# -- IAM -------------------------------------------------------------------------------------

PASSWORD_PROPERTIES: Final = (
    "allowUsersToChangePassword",
    "hardExpiry",
    "maxPasswordAge",
    "minimumPasswordLength",
    "passwordReusePrevention",
    "requireLowercaseCharacters",
    "requireNumbers",
    "requireSymbols",
    "requireUppercaseCharacters",
)
_PASSWORD_LIMITS: Final = {
    "maxPasswordAge": (0, 1095),
    "minimumPasswordLength": (6, 128),
    "passwordReusePrevention": (1, 24),
}


def provider_as_given(found: Properties, like: Properties) -> None:
    """IAM answers the address without its scheme."""
    found["Url"] = f"https://{str(found['Url']).removeprefix('https://')}"
    given = like.get("url")
    if isinstance(given, str) and found["Url"] == f"https://{given.removeprefix('https://')}":
        found["Url"] = given


def identity_provider(properties: Properties) -> Refusals:
    url = properties.get("url")
    if isinstance(url, str) and not url.startswith("https://"):
        yield "url", f"InvalidInput: {url} does not begin with https://"
    for thumbprint in _listed(properties.get("thumbprintLists")):
        if isinstance(thumbprint, str) and len(thumbprint) != 40:
            yield "thumbprintLists", f"InvalidInput: {thumbprint} has not 40 hexadecimal digits"


def linked_role_as_given(found: Properties, _: Properties) -> None:
    found["awsServiceName"] = str(found["Path"]).strip("/").split("/")[-1]


def password_policy(properties: Properties) -> Refusals:
    for name, (least, most) in _PASSWORD_LIMITS.items():
        value = properties.get(name)
        if isinstance(value, int) and not least <= value <= most:
            yield name, f"ValidationError: {value} is not between {least} and {most}"


# -- GuardDuty -------------------------------------------------------------------------------

_FEATURES: Final = frozenset(
    {
        "S3_DATA_EVENTS",
        "EKS_AUDIT_LOGS",
        "EBS_MALWARE_PROTECTION",
        "RDS_LOGIN_EVENTS",
        "EKS_RUNTIME_MONITORING",
        "LAMBDA_NETWORK_LOGS",
        "RUNTIME_MONITORING",
    }
)
_AGENTS: Final = frozenset(
    {"EKS_ADDON_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT"}
)


def refuse_second_detector(api: Api, _: Properties) -> None:
    """The emulator makes as many detectors as it is asked for."""
    found = api.call("guardduty", Call("list_detectors"), {})["DetectorIds"]
    if found:
        raise ApiError(
            "guardduty:create_detector refused: BadRequestException: a detector already exists for "
            f"the current account in {api.region}: {found[0]}; import it"
        )


def detector_feature(properties: Properties) -> dict[str, Any]:
    feature: dict[str, Any] = {"Name": properties["name"], "Status": properties["status"]}
    more = dicts(properties.get("additionalConfigurations"))
    if more:
        feature["AdditionalConfiguration"] = [
            {"Name": one["name"], "Status": one["status"]} for one in more
        ]
    return {"Features": [feature]}


def feature(properties: Properties) -> Refusals:
    name, status = properties.get("name"), properties.get("status")
    if isinstance(name, str) and name not in _FEATURES:
        yield "name", f"'{name}' is not one of {', '.join(sorted(_FEATURES))}"
    if isinstance(status, str) and status not in ("ENABLED", "DISABLED"):
        yield "status", f"'{status}' is not one of ENABLED, DISABLED"
    for one in dicts(properties.get("additionalConfigurations")):
        if isinstance(one.get("name"), str) and one["name"] not in _AGENTS:
            yield (
                "additionalConfigurations",
                f"'{one['name']}' is not one of {', '.join(sorted(_AGENTS))}",
            )


# -- CloudTrail ------------------------------------------------------------------------------

_TRAIL_SERVICE: Final = "cloudtrail.amazonaws.com"


def trail(properties: Properties) -> Refusals:
    group, role = properties.get("cloudWatchLogsGroupArn"), properties.get("cloudWatchLogsRoleArn")
    if (group is None) != (role is None):
        yield (
            "cloudWatchLogsRoleArn",
            "InvalidParameterCombinationException: cloudWatchLogsGroupArn and "
            "cloudWatchLogsRoleArn go together",
        )
    if isinstance(group, str) and not group.endswith(":*"):
        yield (
            "cloudWatchLogsGroupArn",
            f"InvalidCloudWatchLogsLogGroupArnException: {group} does not end with :*",
        )
    everywhere, services = (
        properties.get(name) for name in ("isMultiRegionTrail", "includeGlobalServiceEvents")
    )
    if everywhere is True and services is False:
        yield (
            "includeGlobalServiceEvents",
            "InvalidParameterCombinationException: Multi-Region trail must include global service "
            "events",
        )
    if properties.get("eventSelectors") and properties.get("advancedEventSelectors"):
        yield (
            "advancedEventSelectors",
            "InvalidEventSelectorsException: a trail has eventSelectors or "
            "advancedEventSelectors, not both",
        )


def trail_is_admitted(api: Api, properties: Properties) -> None:
    """CloudTrail tries the bucket and the key before it makes the trail; the emulator does not."""
    bucket = properties["s3BucketName"]
    if not isinstance(bucket, Unknown):
        actions = _trail_actions(_bucket_policy(api, bucket))
        missing = [
            action
            for action in ("s3:GetBucketAcl", "s3:PutObject")
            if not {action, "s3:*", "*"} & actions
        ]
        if missing:
            raise ApiError(
                "cloudtrail:create_trail refused: InsufficientS3BucketPolicyException: the policy "
                f"of the bucket {bucket} does not allow {' and '.join(missing)} to {_TRAIL_SERVICE}"
            )
    key = properties.get("kmsKeyId")
    if isinstance(key, str):
        request = {"KeyId": key, "PolicyName": "default"}
        answer = api.call("kms", Call("get_key_policy"), {}, request)
        if not _trail_actions(answer["Policy"]):
            raise ApiError(
                "cloudtrail:create_trail refused: InsufficientEncryptionPolicyException: the "
                f"policy of the key {key} does not let {_TRAIL_SERVICE} in"
            )


def _bucket_policy(api: Api, bucket: str) -> str:
    try:
        answer = api.call("s3", Call("get_bucket_policy"), {}, {"Bucket": bucket})
    except MissingError:
        return "{}"
    return str(answer["Policy"])


def _trail_actions(policy: str) -> set[str]:
    """What the policy allows CloudTrail."""
    statements = dicts(_listed((_document(policy) or {}).get("Statement")))
    return {
        str(action)
        for one in statements
        if one.get("Effect") == "Allow"
        and isinstance(one.get("Principal"), dict)
        and _TRAIL_SERVICE in _listed(one["Principal"].get("Service"))
        for action in _listed(one.get("Action"))
    }


# -- Budgets ---------------------------------------------------------------------------------

BUDGET_PROPERTIES: Final = (
    "budgetType",
    "costFilters",
    "costTypes",
    "limitAmount",
    "limitUnit",
    "notifications",
    "timePeriodEnd",
    "timePeriodStart",
    "timeUnit",
)
_BUDGET_ENUMS: Final = {
    "budgetType": (
        *("USAGE", "COST", "RI_UTILIZATION", "RI_COVERAGE"),
        *("SAVINGS_PLANS_UTILIZATION", "SAVINGS_PLANS_COVERAGE"),
    ),
    "timeUnit": ("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY", "CUSTOM"),
}
_MOST_SUBSCRIBERS: Final = 11
_PERIOD: Final = "%Y-%m-%d_%H:%M"


def budget_for_schema(properties: Properties) -> Properties:
    """Pulumi's flat properties under the API's names, beside themselves."""
    result = dict(properties)
    if properties.get("name") is not None:
        result["budgetName"] = properties["name"]
    if properties.get("limitAmount") is not None:
        result["budgetLimit"] = {
            "amount": properties["limitAmount"],
            "unit": properties.get("limitUnit"),
        }
    if isinstance(properties.get("costFilters"), list):
        result["costFilters"] = {
            one["name"]: one["values"] for one in dicts(properties["costFilters"])
        }
    period = {
        member: str(properties[name]).replace("_", "T") + ":00Z"
        for name, member in (("timePeriodStart", "start"), ("timePeriodEnd", "end"))
        if isinstance(properties.get(name), str)
    }
    if period:
        result["timePeriod"] = period
    return result


def budget_to_send(properties: Properties) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "BudgetName": properties["name"],
        "BudgetType": properties["budgetType"],
        "TimeUnit": properties["timeUnit"],
    }
    limit = properties.get("budgetLimit")
    if limit is not None:
        sent["BudgetLimit"] = {"Amount": str(limit["amount"]), "Unit": limit["unit"]}
    if properties.get("costFilters"):
        sent["CostFilters"] = properties["costFilters"]
    if properties.get("costTypes"):
        sent["CostTypes"] = {
            name[:1].upper() + name[1:]: value for name, value in properties["costTypes"].items()
        }
    period = properties.get("timePeriod")
    if period is not None:
        sent["TimePeriod"] = {name.title(): value for name, value in period.items()}
    return {
        "Budget": sent,
        "NotificationsWithSubscribers": [
            _notification(one) for one in dicts(properties.get("notifications"))
        ],
    }


def _notification(given: dict[str, Any]) -> dict[str, Any]:
    names = ("comparisonOperator", "notificationType", "threshold", "thresholdType")
    return {
        "Notification": {name[:1].upper() + name[1:]: given[name] for name in names},
        "Subscribers": [
            {"SubscriptionType": kind, "Address": address}
            for name, kind in (
                ("subscriberEmailAddresses", "EMAIL"),
                ("subscriberSnsTopicArns", "SNS"),
            )
            for address in given.get(name) or []
        ],
    }


def budget_as_given(found: Properties, like: Properties) -> None:
    limit = found.get("BudgetLimit") or {}
    found["limitAmount"], found["limitUnit"] = limit.get("Amount"), limit.get("Unit")
    filters = found.pop("CostFilters", None) or {}
    if filters:
        found["costFilters"] = [{"name": name, "values": filters[name]} for name in filters]
    if like.get("costTypes") is None:
        found.pop("CostTypes", None)
    period = found.get("TimePeriod") or {}
    for name, member in (("timePeriodStart", "Start"), ("timePeriodEnd", "End")):
        if member in period:
            found[name] = period[member].strftime(_PERIOD)


def budget(properties: Properties) -> Refusals:
    for name, allowed in _BUDGET_ENUMS.items():
        value = properties.get(name)
        if isinstance(value, str) and value not in allowed:
            yield name, f"'{value}' is not one of {', '.join(allowed)}"
    for one in dicts(properties.get("notifications")):
        addresses = [
            *_listed(one.get("subscriberEmailAddresses")),
            *_listed(one.get("subscriberSnsTopicArns")),
        ]
        if not addresses:
            yield "notifications", "InvalidParameterException: a notification needs a subscriber"
        if (
            len(addresses) > _MOST_SUBSCRIBERS
            or len(_listed(one.get("subscriberSnsTopicArns"))) > 1
        ):
            yield (
                "notifications",
                "CreationLimitExceededException: a notification has one SNS topic and ten e-mail "
                "addresses at most",
            )


# -- KMS -------------------------------------------------------------------------------------


def region_of_primary(properties: Properties) -> str:
    return str(properties["primaryKeyArn"]).split(":")[3]


def replica_key(properties: Properties) -> dict[str, Any]:
    return {"KeyId": str(properties["primaryKeyArn"]).split("/")[-1]}


def replica_for_schema(properties: Properties) -> Properties:
    """CloudFormation wants a policy, where KMS and Pulumi take none for the default one."""
    return {"policy": json.dumps(_default_policy("123456789012")), **properties}


def primary_key(properties: Properties) -> Refusals:
    arn = properties.get("primaryKeyArn")
    if isinstance(arn, str) and ":key/mrk-" not in arn:
        yield (
            "primaryKeyArn",
            f"UnsupportedOperationException: {arn} is not a multi-Region primary key",
        )


def refuse_replica_in_its_primarys_region(api: Api, properties: Properties) -> None:
    if region_of_primary(properties) == api.region:
        raise ApiError(
            "kms:replicate_key refused: UnsupportedOperationException: the replica of "
            f"{properties['primaryKeyArn']} is to be in another region than {api.region}"
        )


def give_replica_its_own(api: Api, key: str, properties: Properties) -> None:
    """The emulator's replica has its primary's policy and description, and no tags, until told."""
    tags = [{"TagKey": k, "TagValue": v} for k, v in (properties.get("tags") or {}).items()]
    if tags:
        api.call("kms", Call("tag_resource"), {}, {"KeyId": key, "Tags": tags})
    policy = properties.get("policy") or json.dumps(_default_policy(api.account))
    params = {"KeyId": key, "PolicyName": "default", "Policy": policy}
    api.call("kms", Call("put_key_policy"), {}, params)
    description = {"KeyId": key, "Description": properties.get("description") or ""}
    api.call("kms", Call("update_key_description"), {}, description)


def default_key_policy(api: Api, key: str, _: Properties) -> None:
    """A key always has a policy; pulumi-aws leaves the one of a new key."""
    policy = json.dumps(_default_policy(api.account))
    params = {"KeyId": key, "PolicyName": "default", "Policy": policy}
    api.call("kms", Call("put_key_policy"), {}, params)


def _default_policy(account: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


# -- settings of the account -----------------------------------------------------------------

PUBLIC_ACCESS_PROPERTIES: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)


def no_encryption_by_default(api: Api, _: str, __: Properties) -> None:
    """What AWS has where nobody asked for more."""
    api.call("ec2", Call("disable_ebs_encryption_by_default"), {})
