"""The rows of AWS Backup and of RDS's replicated backups; `table.py` joins them to the others."""

from typing import Final

from local.providers.aws import special_backup
from local.providers.aws.rows import NO_SCHEMA, AutoName, Call, Read, ResourceType, Set, Tagging


def _arn(kind: str, name: str = "id") -> str:
    return f"arn:aws:backup:{{region}}:{{account}}:{kind}:{{{name}}}"


def _tagging(arn: str) -> Tagging:
    return Tagging(
        add=Call("tag_resource", {"ResourceArn": arn}),
        remove=Call("untag_resource", {"ResourceArn": arn}),
        remove_member="TagKeyList",
    )


def _tags(arn: str) -> Read:
    return Read(Call("list_tags", {"ResourceArn": arn}), "Tags", into="Tags")


_VAULT: Final = {"BackupVaultName": "{backupVaultName}"}

_VAULTS: Final = {
    "aws:backup/vault:Vault": ResourceType(
        cloudformation="AWS::Backup::BackupVault",
        service="backup",
        create=Call("create_backup_vault"),
        id="{name}",
        tagging=_tagging(_arn("backup-vault")),
        autoname=AutoName(longest=50),
        defaults={"forceDestroy": False},
        renames={"kmsKeyArn": "EncryptionKeyArn"},
        read=(
            Read(Call("describe_backup_vault", {"BackupVaultName": "{id}"}), "@"),
            _tags(_arn("backup-vault")),
        ),
        outputs={
            "arn": "BackupVaultArn",
            "kmsKeyArn": "EncryptionKeyArn || 'alias/aws/backup'",
            "recoveryPoints": "NumberOfRecoveryPoints || `0`",
        },
        delete=(Call("delete_backup_vault", {"BackupVaultName": "{id}"}),),
        # The emulator's vaults hold no recovery points that force could delete.
        handled=frozenset({"forceDestroy"}),
        kept=frozenset({"forceDestroy"}),
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": ResourceType(
        cloudformation="AWS::Backup::BackupVault",
        service="backup",
        create=Call("put_backup_vault_lock_configuration"),
        id="{backupVaultName}",
        read=(
            Read(
                Call("describe_backup_vault", {"BackupVaultName": "{id}"}), "[@] | [?Locked] | [0]"
            ),
        ),
        outputs={"backupVaultArn": "BackupVaultArn"},
        replaced_by=frozenset(
            {"backupVaultName", "changeableForDays", "maxRetentionDays", "minRetentionDays"}
        ),
        delete=(Call("delete_backup_vault_lock_configuration", {"BackupVaultName": "{id}"}),),
        kept=frozenset({"changeableForDays"}),
        checks=(special_backup.vault_lock,),
    ),
    "aws:backup/vaultNotifications:VaultNotifications": ResourceType(
        cloudformation="AWS::Backup::BackupVault",
        service="backup",
        create=Call("put_backup_vault_notifications"),
        id="{backupVaultName}",
        read=(Read(Call("get_backup_vault_notifications", _VAULT), "@"),),
        outputs={"backupVaultArn": _arn("backup-vault", "backupVaultName")},
        replaced_by=frozenset({"backupVaultEvents", "backupVaultName", "snsTopicArn"}),
        delete=(Call("delete_backup_vault_notifications", _VAULT),),
        checks=(special_backup.vault_events,),
        before_create=special_backup.vault_exists,
    ),
    "aws:backup/vaultPolicy:VaultPolicy": ResourceType(
        cloudformation="AWS::Backup::BackupVault",
        service="backup",
        create=Call("put_backup_vault_access_policy"),
        id="{backupVaultName}",
        schema_renames={"policy": "AccessPolicy"},
        read=(Read(Call("get_backup_vault_access_policy", _VAULT), "@"),),
        outputs={"backupVaultArn": _arn("backup-vault", "backupVaultName")},
        replaced_by=frozenset({"backupVaultName"}),
        set=(Set(("policy",), Call("put_backup_vault_access_policy", _VAULT)),),
        delete=(Call("delete_backup_vault_access_policy", _VAULT),),
        checks=(special_backup.policy_document,),
        before_create=special_backup.vault_exists,
    ),
    "aws:backup/regionSettings:RegionSettings": ResourceType(
        cloudformation=NO_SCHEMA,
        service="backup",
        create=Call("update_region_settings"),
        id="{region}",
        read=(Read(Call("describe_region_settings"), "@"),),
        replaced_by=frozenset(),
        set=(
            Set(
                ("resourceTypeManagementPreference", "resourceTypeOptInPreference"),
                Call("update_region_settings"),
            ),
        ),
    ),
    "aws:backup/globalSettings:GlobalSettings": ResourceType(
        cloudformation=NO_SCHEMA,
        service="backup",
        create=Call("update_global_settings"),
        id="{account}",
        read=(Read(Call("describe_global_settings"), "@"),),
        replaced_by=frozenset(),
        set=(Set(("globalSettings",), Call("update_global_settings")),),
    ),
}

_TESTED: Final = {
    "RestoreTestingPlanName": "{restoreTestingPlanName}",
    "RestoreTestingSelectionName": "{name}",
}

_PLANS: Final = {
    "aws:backup/plan:Plan": ResourceType(
        cloudformation="AWS::Backup::BackupPlan",
        service="backup",
        whole="BackupPlan",
        create=Call("create_backup_plan"),
        id="BackupPlanId",
        tagging=_tagging(_arn("backup-plan")),
        autoname=AutoName(longest=50),
        renames={
            "coldStorageAfter": "MoveToColdStorageAfterDays",
            "completionWindow": "CompletionWindowMinutes",
            "deleteAfter": "DeleteAfterDays",
            "destinationVaultArn": "DestinationBackupVaultArn",
            "name": "BackupPlanName",
            "schedule": "ScheduleExpression",
            "startWindow": "StartWindowMinutes",
        },
        api_renames={"targetVaultName": "TargetBackupVaultName"},
        schema_renames={"rules": "BackupPlanRule", "targetVaultName": "TargetBackupVault"},
        read=(
            Read(Call("get_backup_plan", {"BackupPlanId": "{id}"}), "merge(BackupPlan, @)"),
            _tags(_arn("backup-plan")),
        ),
        outputs={"arn": "BackupPlanArn", "version": "VersionId"},
        replaced_by=frozenset({"name"}),
        set=(
            Set(
                ("advancedBackupSettings", "rules"),
                Call("update_backup_plan", {"BackupPlanId": "{id}"}),
                unset=Call("update_backup_plan", {"BackupPlanId": "{id}"}),
            ),
        ),
        delete=(Call("delete_backup_plan", {"BackupPlanId": "{id}"}),),
        prepare=special_backup.plan_to_send,
        checks=(special_backup.plan_rules,),
        before_create=special_backup.target_vaults_exist,
    ),
    "aws:backup/selection:Selection": ResourceType(
        cloudformation="AWS::Backup::BackupSelection",
        service="backup",
        whole="BackupSelection",
        create=Call("create_backup_selection", {"BackupPlanId": "{planId}"}),
        id=special_backup.selection_id,
        autoname=AutoName(longest=50),
        renames={
            "key": "ConditionKey",
            "name": "SelectionName",
            "selectionTags": "ListOfTags",
            "type": "ConditionType",
            "value": "ConditionValue",
        },
        schema_constants={"BackupPlanId": "plan"},
        read=(
            Read(
                Call("get_backup_selection", {"BackupPlanId": "{planId}", "SelectionId": "{id}"}),
                "BackupSelection",
            ),
        ),
        replaced_by=frozenset(
            {
                "conditions",
                "iamRoleArn",
                "name",
                "notResources",
                "planId",
                "resources",
                "selectionTags",
            }
        ),
        delete=(
            Call("delete_backup_selection", {"BackupPlanId": "{planId}", "SelectionId": "{id}"}),
        ),
        handled=frozenset({"planId"}),
        prepare=special_backup.selection_to_send,
        checks=(special_backup.selection_terms,),
        before_create=special_backup.backup_may_assume,
    ),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": ResourceType(
        cloudformation="AWS::Backup::RestoreTestingPlan",
        service="backup",
        whole="RestoreTestingPlan",
        create=Call("create_restore_testing_plan"),
        id="{name}",
        tagging=_tagging(_arn("restore-testing-plan")),
        autoname=AutoName(longest=50),
        read=(
            Read(
                Call("get_restore_testing_plan", {"RestoreTestingPlanName": "{id}"}),
                "RestoreTestingPlan",
            ),
        ),
        outputs={
            "arn": _arn("restore-testing-plan"),
            "scheduleExpressionTimezone": "ScheduleExpressionTimezone || 'Etc/UTC'",
            "startWindowHours": "StartWindowHours || `24`",
        },
        set=(
            Set(
                (
                    "recoveryPointSelection",
                    "scheduleExpression",
                    "scheduleExpressionTimezone",
                    "startWindowHours",
                ),
                Call("update_restore_testing_plan", {"RestoreTestingPlanName": "{id}"}),
            ),
        ),
        delete=(Call("delete_restore_testing_plan", {"RestoreTestingPlanName": "{id}"}),),
        checks=(special_backup.restore_testing,),
    ),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": ResourceType(
        cloudformation="AWS::Backup::RestoreTestingSelection",
        service="backup",
        whole="RestoreTestingSelection",
        create=Call(
            "create_restore_testing_selection",
            {"RestoreTestingPlanName": "{restoreTestingPlanName}"},
        ),
        id="{name}:{restoreTestingPlanName}",
        autoname=AutoName(longest=50),
        read=(Read(Call("get_restore_testing_selection", _TESTED), "RestoreTestingSelection"),),
        set=(
            Set(
                (
                    "iamRoleArn",
                    "protectedResourceArns",
                    "protectedResourceConditions",
                    "restoreMetadataOverrides",
                    "validationWindowHours",
                ),
                Call("update_restore_testing_selection", _TESTED),
            ),
        ),
        delete=(Call("delete_restore_testing_selection", _TESTED),),
        handled=frozenset({"restoreTestingPlanName"}),
        checks=(special_backup.restore_tested,),
        before_create=special_backup.backup_may_assume,
    ),
}

_REPLICATION: Final = {
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": ResourceType(
        cloudformation="AWS::RDS::DBInstance",
        service="rds",
        create=Call("start_db_instance_automated_backups_replication"),
        id="arn:aws:rds:{region}:{account}:auto-backup:{backupId}",
        renames={"retentionPeriod": "BackupRetentionPeriod"},
        schema_renames={
            "kmsKeyId": "AutomaticBackupReplicationKmsKeyId",
            "retentionPeriod": "AutomaticBackupReplicationRetentionPeriod",
            "sourceDbInstanceArn": "NotInTheSchema",
        },
        defaults={"retentionPeriod": 7},
        read=(
            Read(
                Call(
                    "describe_db_instance_automated_backups",
                    {"DBInstanceAutomatedBackupsArn": "{id}"},
                ),
                "DBInstanceAutomatedBackups[0]",
            ),
        ),
        replaced_by=frozenset(
            {"kmsKeyId", "preSignedUrl", "retentionPeriod", "sourceDbInstanceArn"}
        ),
        delete=(
            Call(
                "stop_db_instance_automated_backups_replication",
                {"SourceDBInstanceArn": "{sourceDbInstanceArn}"},
            ),
        ),
        prepare=special_backup.replication_with_id,
        api_checks=(special_backup.replication,),
    ),
}

ROWS: Final = {**_VAULTS, **_PLANS, **_REPLICATION}
