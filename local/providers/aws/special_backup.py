"""What a table cannot say about AWS Backup; see `special.py`."""

import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Final

from local.providers.aws import schedules, trust
from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.shapes import is_json
from local.providers.aws.values import Properties, has_unknown

Refusals = Iterator[tuple[str, str]]

_LONGEST_NAME: Final = 50
_LONGEST_RETENTION: Final = 36500
_COOLING_OFF_DAYS: Final = 3
_COLD_DAYS: Final = 90
_CONTINUOUS_DAYS: Final = 35
_LEAST_WINDOW: Final = 60

# -- vaults ----------------------------------------------------------------------------------

# What PutBackupVaultNotifications still takes; boto3's list has retired names beside these.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-notifications.html
_EVENTS: Final = (
    "BACKUP_JOB_STARTED",
    "BACKUP_JOB_COMPLETED",
    "COPY_JOB_STARTED",
    "COPY_JOB_SUCCESSFUL",
    "COPY_JOB_FAILED",
    "RESTORE_JOB_STARTED",
    "RESTORE_JOB_COMPLETED",
    "RECOVERY_POINT_MODIFIED",
    "S3_BACKUP_OBJECT_FAILED",
    "S3_RESTORE_OBJECT_FAILED",
    "CONTINUOUS_BACKUP_INTERRUPTED",
    "RECOVERY_POINT_INDEX_COMPLETED",
    "RECOVERY_POINT_INDEX_DELETED",
    "RECOVERY_POINT_INDEXING_FAILED",
)


def vault_lock(properties: Properties) -> Refusals:
    least, most = properties.get("minRetentionDays"), properties.get("maxRetentionDays")
    changeable = properties.get("changeableForDays")
    if isinstance(least, int) and least < 1:
        yield "minRetentionDays", f"MinRetentionDays must be at least 1 day; this is {least}"
    if isinstance(most, int) and not 1 <= most <= _LONGEST_RETENTION:
        yield (
            "maxRetentionDays",
            f"MaxRetentionDays is 1 to {_LONGEST_RETENTION} days; this is {most}",
        )
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield (
            "minRetentionDays",
            f"MinRetentionDays ({least}) cannot be greater than MaxRetentionDays ({most})",
        )
    if isinstance(changeable, int) and not _COOLING_OFF_DAYS <= changeable <= _LONGEST_RETENTION:
        yield (
            "changeableForDays",
            f"ChangeableForDays is {_COOLING_OFF_DAYS} to {_LONGEST_RETENTION} days; this is "
            f"{changeable}",
        )


def vault_events(properties: Properties) -> Refusals:
    events = properties.get("backupVaultEvents")
    for event in events if isinstance(events, list) else []:
        if isinstance(event, str) and event not in _EVENTS:
            yield (
                "backupVaultEvents",
                f"{event}: Please select from the following list of notifications "
                f"{', '.join(_EVENTS[:7])} or another current one",
            )


def policy_document(properties: Properties) -> Refusals:
    policy = properties.get("policy")
    if isinstance(policy, str) and not is_json(policy):
        yield "policy", "the policy is no JSON document"


def vault_exists(api: Api, properties: Properties) -> None:
    _require_vault(api, str(properties["backupVaultName"]), "of backupVaultName")


def _require_vault(api: Api, name: str, where: str) -> None:
    try:
        api.call("backup", Call("describe_backup_vault"), {}, {"BackupVaultName": name})
    except MissingError:
        raise ApiError(
            f"backup refused: ResourceNotFoundException: the backup vault {name} {where} does not "
            f"exist in {api.region}"
        ) from None


# -- plans -----------------------------------------------------------------------------------

# What pulumi-aws sends for a rule that says nothing; AWS's own windows are longer.
_RULE_DEFAULTS: Final = {
    "completionWindow": 180,
    "scheduleExpressionTimezone": "Etc/UTC",
    "startWindow": 60,
}


def plan_to_send(properties: Properties) -> Properties:
    rules = properties.get("rules")
    if not isinstance(rules, list):
        return properties
    sent = [{**_RULE_DEFAULTS, **rule} if isinstance(rule, dict) else rule for rule in rules]
    return {**properties, "rules": sent}


def plan_rules(properties: Properties) -> Refusals:
    name = properties.get("name")
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9_.-]{1,50}", name):
        yield "name", f"a backup plan's name has 1 to 50 of the letters A-Z a-z 0-9 - _ . : {name}"
    for index, rule in _structures(properties, "rules"):
        for where, reason in _rule_refusals(rule):
            yield f"rules.{index}.{where}", f"Error in rule {rule.get('ruleName')} : {reason}"


def _structures(properties: Properties, name: str) -> Iterator[tuple[int, Properties]]:
    """The known items of a list that may itself be unknown."""
    given = properties.get(name)
    for index, item in enumerate(given if isinstance(given, list) else []):
        if isinstance(item, dict):
            yield index, item


def _rule_refusals(rule: Properties) -> Refusals:
    name = rule.get("ruleName")
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9_.-]{1,50}", name):
        yield "ruleName", "a rule's name has 1 to 50 of the letters A-Z a-z 0-9 - _ ."
    schedule, zone = rule.get("schedule"), rule.get("scheduleExpressionTimezone")
    if isinstance(schedule, str) and (reason := schedules.problem(schedule, ("cron",))):
        yield "schedule", reason
    if isinstance(zone, str) and (reason := schedules.time_zone_problem(zone)):
        yield "scheduleExpressionTimezone", reason
    yield from _windows({**_RULE_DEFAULTS, **rule})
    yield from _lifecycle("lifecycle", rule.get("lifecycle"))
    if rule.get("enableContinuousBackup") is True:
        yield from _continuous(rule.get("lifecycle"))
    for index, action in _structures(rule, "copyActions"):
        yield from _lifecycle(f"copyActions.{index}.lifecycle", action.get("lifecycle"))


def _windows(rule: Properties) -> Refusals:
    start, completion = rule["startWindow"], rule["completionWindow"]
    if isinstance(start, int) and start < _LEAST_WINDOW:
        yield (
            "startWindow",
            f"Invalid start window: {start}; it is at least {_LEAST_WINDOW} minutes",
        )
    if isinstance(start, int) and isinstance(completion, int) and completion <= start:
        yield (
            "completionWindow",
            f"Invalid completion window: {completion} minutes must be more than the start window "
            f"of {start}",
        )


def _lifecycle(where: str, lifecycle: object) -> Refusals:
    if not isinstance(lifecycle, dict):
        return
    cold, delete = lifecycle.get("coldStorageAfter"), lifecycle.get("deleteAfter")
    if isinstance(delete, int) and not 1 <= delete <= _LONGEST_RETENTION:
        yield (
            f"{where}.deleteAfter",
            f"Invalid lifecycle. DeleteAfterDays cannot be less than 1 or more than "
            f"{_LONGEST_RETENTION} days",
        )
    if (
        isinstance(cold, int)
        and cold > 0
        and isinstance(delete, int)
        and delete < cold + _COLD_DAYS
    ):
        yield (
            f"{where}.deleteAfter",
            f"Invalid lifecycle. DeleteAfterDays ({delete}) cannot be less than {_COLD_DAYS} days "
            f"apart from MoveToColdStorageAfterDays ({cold})",
        )


def _continuous(lifecycle: object) -> Refusals:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html"""
    if has_unknown(lifecycle):
        return
    given = lifecycle if isinstance(lifecycle, dict) else {}
    delete = given.get("deleteAfter")
    if delete is None or not 1 <= delete <= _CONTINUOUS_DAYS or given.get("coldStorageAfter"):
        yield (
            "lifecycle",
            "Invalid lifecycle. Continuous backups are kept 1 to 35 days, without cold storage",
        )


def target_vaults_exist(api: Api, properties: Properties) -> None:
    """The emulator creates a plan for vaults that do not exist."""
    for rule in properties["rules"]:
        _require_vault(api, str(rule["targetVaultName"]), f"of rule {rule['ruleName']}")


# -- selections and restore tests --------------------------------------------------------------

_RESTORE_TYPES: Final = (
    *("Aurora", "DocumentDB", "DynamoDB", "EBS", "EC2", "EFS", "FSx", "Neptune", "RDS", "S3"),
)


def selection_id(answer: Properties) -> str:
    """AWS's id, or one of the same form where the emulator has no selections."""
    return str(answer.get("SelectionId") or uuid.uuid4())


def selection_to_send(properties: Properties) -> Properties:
    """Conditions are one structure to AWS and a list of one in pulumi-aws."""
    conditions = properties.get("conditions")
    if not isinstance(conditions, list) or not conditions:
        return properties
    return {**properties, "conditions": conditions[0]}


def selection_terms(properties: Properties) -> Refusals:
    name = properties.get("name")
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9_.-]{1,50}", name):
        yield "name", f"a selection's name has 1 to 50 of the letters A-Z a-z 0-9 - _ . : {name}"
    for index, tag in _structures(properties, "selectionTags"):
        kind = tag.get("type")
        if isinstance(kind, str) and kind != "STRINGEQUALS":
            yield f"selectionTags.{index}.type", f"'{kind}' is not one of ['STRINGEQUALS']"


def backup_may_assume(api: Api, properties: Properties) -> None:
    role = properties.get("iamRoleArn")
    if isinstance(role, str) and not trust.admits(api, role, "backup.amazonaws.com"):
        raise ApiError(
            f"backup refused: InvalidParameterValueException: IAM Role {role} cannot be assumed by "
            "AWS Backup"
        )


def restore_testing(properties: Properties) -> Refusals:
    yield from _testing_name(properties)
    schedule = properties.get("scheduleExpression")
    if isinstance(schedule, str) and (reason := schedules.problem(schedule, ("cron",))):
        yield "scheduleExpression", reason
    zone = properties.get("scheduleExpressionTimezone")
    if isinstance(zone, str) and (reason := schedules.time_zone_problem(zone)):
        yield "scheduleExpressionTimezone", reason
    yield from _between(properties, "startWindowHours", 1, 168)
    chosen = properties.get("recoveryPointSelection")
    if isinstance(chosen, dict):
        for _, reason in _between(chosen, "selectionWindowDays", 1, 365):
            yield "recoveryPointSelection.selectionWindowDays", reason


def restore_tested(properties: Properties) -> Refusals:
    yield from _testing_name(properties)
    kind = properties.get("protectedResourceType")
    if isinstance(kind, str) and kind not in _RESTORE_TYPES:
        yield "protectedResourceType", f"'{kind}' is not one of {', '.join(_RESTORE_TYPES)}"
    arns = properties.get("protectedResourceArns")
    if isinstance(arns, list) and "*" in arns and len(arns) > 1:
        yield "protectedResourceArns", "either the wildcard * or specific ARNs, but not both"
    conditions = properties.get("protectedResourceConditions")
    if conditions and isinstance(arns, list) and "*" not in arns and not has_unknown(arns):
        yield (
            "protectedResourceConditions",
            "conditions need the wildcard * in protectedResourceArns, not specific ARNs",
        )
    yield from _between(properties, "validationWindowHours", 0, 168)


def _testing_name(properties: Properties) -> Refusals:
    name = properties.get("name")
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9_]{1,50}", name):
        yield (
            "name",
            f"{name}: the name must consist of only alphanumeric characters and underscores, at "
            f"most {_LONGEST_NAME}; a name that Pulumi makes has a hyphen, so give one",
        )


def _between(properties: Properties, name: str, least: int, most: int) -> Refusals:
    value = properties.get(name)
    if isinstance(value, int) and not least <= value <= most:
        yield name, f"{value} is not between {least} and {most}"


# -- replicated automated backups ----------------------------------------------------------------


def replication_with_id(properties: Properties) -> Properties:
    """RDS makes an id of letters and digits for each replication; this one is of its source."""
    digest = hashlib.sha256(str(properties.get("sourceDbInstanceArn")).encode()).hexdigest()
    return {**properties, "backupId": f"ab-{digest[:26]}"}


def replication(api: Api, properties: Properties) -> Refusals:
    source, key = properties.get("sourceDbInstanceArn"), properties.get("kmsKeyId")
    if isinstance(source, str) and _region_of(source) == api.region:
        yield (
            "sourceDbInstanceArn",
            f"the source is in {api.region} itself: backups are replicated to another region, and "
            "that is where this resource is",
        )
    if isinstance(key, str) and key.startswith("arn:") and _region_of(key) != api.region:
        yield (
            "kmsKeyId",
            f"KMSKeyNotAccessibleFault: the key is in {_region_of(key)}; replicated backups are "
            f"encrypted with a key of {api.region}",
        )
    days = properties.get("retentionPeriod")
    if isinstance(days, int) and not 1 <= days <= _CONTINUOUS_DAYS:
        yield "retentionPeriod", f"Invalid backup retention period: {days}; it is 1 to 35 days"


def _region_of(arn: str) -> str:
    return (arn.split(":") + [""] * 4)[3]
