"""The database instance: found by its name, and copied with all its settings."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import botocore.exceptions

from operations.aws import error_code, or_none
from operations.errors import InputError, OperationError
from operations.steps import Context

_MISSING: Final = "DBInstanceNotFound"
_MINUTES: Final = 240
_RENAME_MINUTES: Final = 60
_PROTECTED: Final = "Cannot delete protected DB Instance"

# RDS user guide, "Viewing DB instance status": what does not become available by itself.
_BROKEN: Final = frozenset(
    {
        "failed",
        "inaccessible-encryption-credentials",
        "incompatible-network",
        "incompatible-parameters",
        "incompatible-restore",
        "restore-error",
    }
)

# RDS user guide, "gp3 storage": below this RDS sets both itself, describes them, and refuses them.
_OWN_IOPS_GIB: Final = 400
_OWN_IOPS: Final = ("Iops", "StorageThroughput")
# With which tags of recoveries and drills begin: no other instance may take them over.
_OF_RECOVERIES: Final = "Recovery"
# Between the database's name and a time: what an instance is called that was put aside.
PUT_ASIDE: Final = "-damaged-"
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


def find_by_resource_id(context: Context, resource_id: str) -> Mapping[str, Any] | None:
    """The same instance under whatever name; a name may for a while be the old one's still."""
    found: list[Mapping[str, Any]] = context.aws.client("rds").describe_db_instances(
        Filters=[{"Name": "dbi-resource-id", "Values": [resource_id]}]
    )["DBInstances"]
    return found[0] if found else None


def instances_tagged(context: Context, key: str, value: str) -> list[Mapping[str, Any]]:
    instances = context.aws.pages("rds", "describe_db_instances", "DBInstances")
    return [one for one in instances if tags_of(one).get(key) == value]


def tags_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """Of an instance or a snapshot, as RDS describes it."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("TagList", ())}


def was_database(context: Context, name: str) -> bool:
    """Whether an instance of that name is the database, or was until a recovery put it aside.

    AWS does not say whether snapshots bear the new name of an instance that was renamed.
    """
    database = context.platform.database
    return name == database or name.startswith(f"{database}{PUT_ASIDE}")


def data_time(snapshot: Mapping[str, Any]) -> datetime | None:
    """Up to when a snapshot has the data; None until RDS has begun it.

    The time of its creation is that of the copy where it is a copy, however old its data.
    """
    times = ("SnapshotDatabaseTime", "OriginalSnapshotCreateTime", "SnapshotCreateTime")
    return next((snapshot[name] for name in times if snapshot.get(name) is not None), None)


def check_instance_name(option: str, name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > 63:
        raise InputError(
            f"{option} {name!r}: must be 1 to 63 lower-case letters, digits and single hyphens, a "
            "letter first"
        )


def wait_for_instance(context: Context, name: str) -> None:
    """Wait until it is available.

    Raises:
        OperationError: it is gone, or in a state that it does not leave by itself.
    """

    _wait(context, name, lambda: _is_available(require_instance(context, name)))


def _wait(context: Context, name: str, ready: Callable[[], bool]) -> None:
    context.wait(ready, what=f"database instance {name}", minutes=_MINUTES, interval=30)


def _is_available(instance: Mapping[str, Any]) -> bool:
    name, status = instance["DBInstanceIdentifier"], instance["DBInstanceStatus"]
    if status in _BROKEN:
        raise OperationError(
            f"database instance {name} is {status}; the RDS console shows its events. Delete "
            "it and run the command again, or ask AWS"
        )
    return bool(status == "available")


def modify_when_ready(context: Context, name: str, changes: Mapping[str, Any]) -> None:
    """Change an instance at once, and wait until nothing of that is pending.

    After a restore RDS leaves "available" again for work of its own, and refuses changes in it.

    Raises:
        OperationError: it is gone, or in a state that it does not leave by itself.
    """
    modify = partial(
        context.aws.client("rds").modify_db_instance,
        DBInstanceIdentifier=name,
        ApplyImmediately=True,
        **changes,
    )
    was_settled = False

    def sent() -> bool:
        available = _is_available(require_instance(context, name))
        return available and _unless_too_early(context, modify)

    def settled_twice() -> bool:
        """RDS answers before it leaves "available" for the change."""
        nonlocal was_settled
        instance = require_instance(context, name)
        before = was_settled
        was_settled = _is_available(instance) and not instance.get("PendingModifiedValues")
        return before and was_settled

    _wait(context, name, sent)
    _wait(context, name, settled_twice)


def rename_instance(context: Context, resource_id: str, name: str) -> None:
    """Give an instance another name and wait until it answers to that.

    RDS renames later than it answers, and gives a name free later still.
    """
    rds = context.aws.client("rds")

    def renamed() -> bool:
        instance = find_by_resource_id(context, resource_id)
        if instance is None:
            raise OperationError(f"database instance {resource_id} is gone; run the command again")
        present, status = instance["DBInstanceIdentifier"], instance["DBInstanceStatus"]
        if present == name:
            return bool(status == "available")
        if status in _BROKEN:
            raise OperationError(
                f"RDS cannot rename {present}, which is {status}. Delete it with a final snapshot "
                "(its automated backups stay with --no-delete-automated-backups), then run the "
                "command again"
            )
        if instance.get("PendingModifiedValues", {}).get("DBInstanceIdentifier") != name:
            _unless_too_early(context, partial(rds.modify_db_instance, **_new_name(present, name)))
        return False

    context.wait(renamed, what=f"the name {name}", minutes=_RENAME_MINUTES, interval=10)


def _new_name(present: str, name: str) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": present,
        "NewDBInstanceIdentifier": name,
        "ApplyImmediately": True,
    }


def _unless_too_early(context: Context, call: Callable[[], object]) -> bool:
    """Make a call that RDS refuses while it works on the instance, or on that name."""
    try:
        call()
    except botocore.exceptions.ClientError as error:
        too_early = error_code(error) in ("InvalidDBInstanceState", "DBInstanceAlreadyExists")
        # Protection that was lifted may for minutes still count.
        if not too_early and _PROTECTED not in str(error):
            raise
        context.console.say(str(error))
        return False
    return True


def remove_instance(context: Context, name: str) -> None:
    """Delete an instance and all that RDS keeps of it: only for a copy that nobody needs."""
    rds = context.aws.client("rds")

    def delete(*, protected: bool) -> None:
        if protected:
            rds.modify_db_instance(
                DBInstanceIdentifier=name, DeletionProtection=False, ApplyImmediately=True
            )
        rds.delete_db_instance(
            DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
        )

    def gone() -> bool:
        instance = find_instance(context, name)
        if instance is not None and instance["DBInstanceStatus"] != "deleting":
            protected = instance["DeletionProtection"]
            _unless_too_early(context, partial(delete, protected=protected))
        return instance is None

    context.wait(gone, what=f"the deletion of {name}", minutes=_MINUTES)
    forget_logs(context, name)


def forget_logs(context: Context, name: str) -> None:
    """Delete the log groups that RDS made for an instance of that name, without retention."""
    prefix = f"/aws/rds/instance/{name}/"
    found = context.aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
    for group in list(found):
        context.aws.client("logs").delete_log_group(logGroupName=group["logGroupName"])


def restore_parameters(model: Mapping[str, Any], further_tags: Mapping[str, str]) -> dict[str, Any]:
    """What makes a restored instance like `model`, of what restoring can be told.

    Without it RDS puts the instance into the default network, with the default security group and
    parameters, unprotected and in one zone.
    """
    foreign = ("aws:", _OF_RECOVERIES)
    own = {key: value for key, value in tags_of(model).items() if not key.startswith(foreign)}
    small = model["StorageType"] == "gp3" and model["AllocatedStorage"] < _OWN_IOPS_GIB
    refused = _OWN_IOPS if small else ()
    return {
        **{
            name: model[name]
            for name in _RESTORED
            if name not in refused and model.get(name) is not None
        },
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
