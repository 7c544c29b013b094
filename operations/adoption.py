"""Pulumi's state and the instance that took the database's name.

pulumi-aws knows an instance by its resource id, which a restored one has anew. The state is told
by that id alone: `pulumi state delete` refuses what others depend on, and an import would not
know the inputs that RDS does not answer (the password's version, what a deletion leaves behind).
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from operations.database import require_instance, tags_of
from operations.errors import OperationError
from operations.pulumi_command import pulumi, refresh_of
from operations.steps import Context, Step, looking, run_steps

INSTANCE: Final = "aws:rds/instance:Instance"
REPLICATION: Final = (
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
)
RECOVERY_OF: Final = "RecoveryOf"

# By RDS's name and the state's: where these differ, an update would replace the instance.
_SAME: Final = {
    "Engine": "engine",
    "DBName": "dbName",
    "MasterUsername": "username",
    "StorageEncrypted": "storageEncrypted",
    "KmsKeyId": "kmsKeyId",
}

# What restoring and comparing read of an instance, by RDS's name and the state's.
_DESCRIBED: Final = {
    **_SAME,
    "DBInstanceIdentifier": "identifier",
    "DBInstanceClass": "instanceClass",
    "AllocatedStorage": "allocatedStorage",
    "StorageType": "storageType",
    "Iops": "iops",
    "StorageThroughput": "storageThroughput",
    "MultiAZ": "multiAz",
    "PubliclyAccessible": "publiclyAccessible",
    "AutoMinorVersionUpgrade": "autoMinorVersionUpgrade",
    "CopyTagsToSnapshot": "copyTagsToSnapshot",
    "DeletionProtection": "deletionProtection",
    "CACertificateIdentifier": "caCertIdentifier",
    "BackupRetentionPeriod": "backupRetentionPeriod",
    "PreferredBackupWindow": "backupWindow",
    "PreferredMaintenanceWindow": "maintenanceWindow",
    "MaxAllocatedStorage": "maxAllocatedStorage",
    "MonitoringInterval": "monitoringInterval",
    "MonitoringRoleArn": "monitoringRoleArn",
    "PerformanceInsightsEnabled": "performanceInsightsEnabled",
    "PerformanceInsightsKMSKeyId": "performanceInsightsKmsKeyId",
    "PerformanceInsightsRetentionPeriod": "performanceInsightsRetentionPeriod",
    "DatabaseInsightsMode": "databaseInsightsMode",
    "IAMDatabaseAuthenticationEnabled": "iamDatabaseAuthenticationEnabled",
    "EnabledCloudwatchLogsExports": "enabledCloudwatchLogsExports",
    "ReadReplicaDBInstanceIdentifiers": "replicas",
}
# The state has a zero or an empty text where RDS says nothing.
_UNSET: Final = (0, "", None)


def model_from_state(context: Context) -> dict[str, Any]:
    """The database as RDS described it when Pulumi saw it last: what is gone answers nothing.

    Raises:
        OperationError: there is no state, or no database in it.
    """
    resource = _database(context, _export(context))
    outputs = resource["outputs"]
    found = {
        name: outputs[known]
        for name, known in _DESCRIBED.items()
        # What is false or zero on purpose stays.
        if known in outputs and (outputs[known] is False or outputs[known] not in _UNSET)
    }
    tags = outputs.get("tagsAll", {})
    return {
        **found,
        "DbiResourceId": resource["id"],
        "DBSubnetGroup": {"DBSubnetGroupName": outputs["dbSubnetGroupName"]},
        "DBParameterGroups": [{"DBParameterGroupName": outputs["parameterGroupName"]}],
        "VpcSecurityGroups": [
            {"VpcSecurityGroupId": group} for group in outputs["vpcSecurityGroupIds"]
        ],
        "TagList": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def adopt(context: Context, folder: Path = Path()) -> dict[str, Any]:
    """Tell the state of the instance that has the database's name now; what is left to do.

    Nothing else of the state changes: protection, dependents and inputs stay. A copy of the state
    from before is written into `folder`, with its secrets encrypted.

    Raises:
        OperationError: the instance is not one that the state's can be, or Pulumi is at work.
        StoppedError: the state was changed meanwhile.
    """
    go_on = "run `recover adopt --yes` again"
    with looking(go_on):
        instance = require_instance(context)
        exported = _export(context)
        resource = _database(context, exported)
        _check(context, instance, exported, resource)
    old, new, urn = resource["id"], instance["DbiResourceId"], resource["urn"]
    stack = context.platform.environment
    copy = folder.resolve() / f"{stack}-before-adoption-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    steps = []
    if old != new:
        go_on += f"; `pulumi stack import --stack {stack} --file {copy}` puts the state back"
        if not context.dry_run:
            context.console.confirm(f"Write {new} for {old} into the state?", yes=context.yes)
        steps = [
            Step(f"copy the state to {copy}", partial(_write, copy, exported)),
            Step(
                f"write {new} for {old} into the state",
                partial(_import, context, exported, urn, new),
            ),
        ]
    # A run that stopped after the state was written has not done this.
    refresh = partial(_run, context, *refresh_of(urn))
    steps.append(Step("let Pulumi read the instance anew", refresh))
    run_steps(context, "recover adopt", steps, go_on=go_on, old=old, new=new)
    return {
        "resource": urn,
        "was": old,
        "is": new,
        "copy": str(copy) if old != new else None,
        "afterwards": _replacements(context, exported),
    }


def adoption_commands(context: Context) -> list[str]:
    """The same by Pulumi's own commands, and how to see that it is done."""
    exported = _export(context)
    resource = _database(context, exported)
    old, new = resource["id"], require_instance(context)["DbiResourceId"]
    stack = f"--stack {context.platform.environment}"
    refresh = " ".join(refresh_of(f"'{resource['urn']}'"))
    return [
        f"pulumi stack export {stack} --file before-adoption.json",
        f"sed 's/{old}/{new}/g' before-adoption.json > adopted.json",
        f"pulumi stack import {stack} --file adopted.json",
        f"pulumi {refresh} {stack}",
        f"pulumi preview {stack} --expect-no-changes",
        *_replacements(context, exported),
    ]


def _replacements(context: Context, exported: Mapping[str, Any]) -> list[str]:
    """RDS replicates the backups of one instance, and the state would not tell of which."""
    return [
        f"pulumi up --stack {context.platform.environment} --replace '{one['urn']}'"
        for one in exported["deployment"]["resources"]
        if one["type"] == REPLICATION
    ]


def _import(context: Context, shown: Mapping[str, Any], urn: str, new: str) -> None:
    """What else was written into the state since it was looked at would be lost."""
    if _export(context) != shown:
        raise OperationError(
            "the state was changed meanwhile, so nothing was written, and the copy must not be put "
            "back: end what else runs Pulumi"
        )
    _run(context, "stack", "import", given=_adopted(shown, urn, new))


def _run(context: Context, *arguments: str, given: str | None = None) -> None:
    pulumi(context, *arguments, given=given)


def _export(context: Context) -> dict[str, Any]:
    exported: dict[str, Any] = json.loads(pulumi(context, "stack", "export"))
    return exported


def _database(context: Context, exported: Mapping[str, Any]) -> dict[str, Any]:
    name = context.platform.database
    found = [
        one
        for one in exported["deployment"].get("resources", ())
        if one["type"] == INSTANCE and one["inputs"].get("identifier") == name
    ]
    if len(found) != 1 or found[0].get("delete"):
        raise OperationError(
            f"the state of {context.platform.environment} has {len(found)} instances {name}, or "
            "one that is being replaced: see `pulumi stack --show-urns`"
        )
    resource: dict[str, Any] = found[0]
    return resource


def _check(
    context: Context,
    instance: Mapping[str, Any],
    exported: Mapping[str, Any],
    resource: Mapping[str, Any],
) -> None:
    name = context.platform.database
    if RECOVERY_OF in tags_of(instance):
        raise OperationError(f"the recovery of {name} is not over: run `recover` until it is")
    if exported["deployment"].get("pending_operations"):
        raise OperationError("an update of the stack was cut off: run `pulumi refresh` first")
    different = [
        known
        for shown, known in _SAME.items()
        if known in resource["outputs"] and instance.get(shown) != resource["outputs"][known]
    ]
    if different:
        raise OperationError(
            f"{name} differs from the state in {', '.join(different)}, so that the next update "
            "would replace it: it is no restored copy of the stack's database"
        )
    if instance["DBInstanceStatus"] != "available":
        raise OperationError(f"{name} is {instance['DBInstanceStatus']}: adopt it afterwards")


def _adopted(exported: Mapping[str, Any], urn: str, new: str) -> str:
    deployment = exported["deployment"]
    resources = [
        {**one, "id": new, "outputs": {**one["outputs"], "resourceId": new}}
        if one["urn"] == urn
        else one
        for one in deployment["resources"]
    ]
    return json.dumps({**exported, "deployment": {**deployment, "resources": resources}})


def _write(path: Path, exported: Mapping[str, Any]) -> None:
    try:
        # What is in a state, encrypted or not, is nobody else's.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(exported, file, indent=2)
    except OSError as error:
        raise OperationError(f"{path} cannot be written ({error}): give another --folder") from None
