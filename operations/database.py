"""The database instance: found by its name, and copied with all its settings."""

import re
from collections.abc import Mapping
from typing import Any, Final

from operations.aws import or_none
from operations.errors import InputError, OperationError
from operations.steps import Context

_MISSING: Final = "DBInstanceNotFound"
_MINUTES: Final = 240
_NAME: Final = re.compile(r"[a-z](-?[a-z0-9])*")

# What restoring takes by the name under which describing shows it.
_RESTORED: Final = (
    "DBInstanceClass",
    "StorageType",
    "Iops",
    "StorageThroughput",
    "MultiAZ",
    "PubliclyAccessible",
    "AutoMinorVersionUpgrade",
    "CopyTagsToSnapshot",
    "DeletionProtection",
    "CACertificateIdentifier",
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
)
# What only a later change takes, by the name under which describing shows it.
_CHANGED: Final = {
    "MaxAllocatedStorage": "MaxAllocatedStorage",
    "MonitoringInterval": "MonitoringInterval",
    "MonitoringRoleArn": "MonitoringRoleArn",
    "PerformanceInsightsEnabled": "EnablePerformanceInsights",
    "PerformanceInsightsKMSKeyId": "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "DatabaseInsightsMode": "DatabaseInsightsMode",
    "PreferredMaintenanceWindow": "PreferredMaintenanceWindow",
}


def find_instance(context: Context, name: str) -> Mapping[str, Any] | None:
    rds = context.aws.client("rds")
    found = or_none(lambda: rds.describe_db_instances(DBInstanceIdentifier=name), _MISSING)
    return found["DBInstances"][0] if found else None


def require_instance(context: Context, name: str | None = None) -> Mapping[str, Any]:
    """An instance, the environment's database unless it is named."""
    name = name or context.platform.database
    instance = find_instance(context, name)
    if instance is None:
        raise OperationError(
            f"there is no database instance {name} in {context.aws.region}: check --stack, "
            "--region and --profile; if it was deleted, run `recover`"
        )
    return instance


def check_instance_name(option: str, name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > 63:
        raise InputError(
            f"{option} {name!r}: must be 1 to 63 lower-case letters, digits and single hyphens, a "
            "letter first"
        )


def wait_for_instance(context: Context, name: str) -> None:
    def available() -> bool:
        return bool(require_instance(context, name)["DBInstanceStatus"] == "available")

    context.wait(available, what=f"database instance {name}", minutes=_MINUTES, interval=30)


def restore_parameters(model: Mapping[str, Any], further_tags: Mapping[str, str]) -> dict[str, Any]:
    """What makes a restored instance like `model`, of what restoring can be told.

    Without it RDS puts the instance into the default network, with the default security group and
    parameters, unprotected and in one zone.
    """
    tags = {tag["Key"]: tag["Value"] for tag in model.get("TagList", ())}
    own = {key: value for key, value in tags.items() if not key.startswith("aws:")}
    return {
        **{name: model[name] for name in _RESTORED if model.get(name) is not None},
        "DBSubnetGroupName": model["DBSubnetGroup"]["DBSubnetGroupName"],
        "VpcSecurityGroupIds": _security_groups(model),
        "DBParameterGroupName": model["DBParameterGroups"][0]["DBParameterGroupName"],
        "EnableIAMDatabaseAuthentication": model["IAMDatabaseAuthenticationEnabled"],
        "EnableCloudwatchLogsExports": list(model.get("EnabledCloudwatchLogsExports", ())),
        "Tags": [{"Key": k, "Value": v} for k, v in {**own, **further_tags}.items()],
    }


def settings_after_restore(model: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `model` that restoring cannot be told, for ModifyDBInstance."""
    return {
        changed: model[shown] for shown, changed in _CHANGED.items() if model.get(shown) is not None
    }


def unlike(model: Mapping[str, Any], copy: Mapping[str, Any]) -> list[str]:
    """In what a copy differs from its model, though it should not."""

    def essence(instance: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "subnet group": instance["DBSubnetGroup"]["DBSubnetGroupName"],
            "security groups": sorted(_security_groups(instance)),
            "parameter group": instance["DBParameterGroups"][0]["DBParameterGroupName"],
            "log exports": sorted(instance.get("EnabledCloudwatchLogsExports", ())),
            **{name: instance.get(name) for name in ("MultiAZ", "DeletionProtection")},
            **{name: instance.get(name) for name in ("StorageEncrypted", "KmsKeyId")},
        }

    wanted, found = essence(model), essence(copy)
    return [name for name, value in wanted.items() if found[name] != value]


def _security_groups(instance: Mapping[str, Any]) -> list[str]:
    return [group["VpcSecurityGroupId"] for group in instance["VpcSecurityGroups"]]
