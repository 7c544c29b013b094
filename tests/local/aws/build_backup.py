"""Backup vaults, plans and what goes with them, as a platform such as this sets them."""

from typing import Any

from tests.local.aws.build import KEY, ROLE, ROOT, Stack, document, trust

VAULT = "aws:backup/vault:Vault"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
NOTIFICATIONS = "aws:backup/vaultNotifications:VaultNotifications"
VAULT_POLICY = "aws:backup/vaultPolicy:VaultPolicy"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
TESTING_PLAN = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
TESTING_SELECTION = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
REGION_SETTINGS = "aws:backup/regionSettings:RegionSettings"
GLOBAL_SETTINGS = "aws:backup/globalSettings:GlobalSettings"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"

TOPIC_ARN = "arn:aws:sns:ap-southeast-2:123456789012:backups"
COPY_VAULT_ARN = "arn:aws:backup:ap-southeast-4:123456789012:backup-vault:copies"
DATABASE_ARN = "arn:aws:rds:us-west-2:123456789012:db:main"
DENY_DELETION = document(
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"],
        "Resource": "*",
    }
)


def rule(vault: str, name: str = "daily", **changes: Any) -> dict[str, Any]:
    return {
        "ruleName": name,
        "targetVaultName": vault,
        "schedule": "cron(0 4 * * ? *)",
        "scheduleExpressionTimezone": "Australia/Brisbane",
        "startWindow": 60,
        "completionWindow": 240,
        "lifecycle": {"deleteAfter": 35},
        "recoveryPointTags": {"Rule": name},
        "copyActions": [{"destinationVaultArn": COPY_VAULT_ARN, "lifecycle": {"deleteAfter": 35}}],
        **changes,
    }


def build_backup(stack: Stack, suffix: str) -> None:
    _, key = stack.create(KEY, "backups", policy=document(ROOT))
    vault, _ = stack.create(VAULT, "backups", name=f"backups-{suffix}", kmsKeyArn=key["arn"])
    stack.create(VAULT, f"made-{suffix}", forceDestroy=False)
    stack.create(
        LOCK,
        "backups",
        backupVaultName=vault,
        minRetentionDays=7,
        maxRetentionDays=400,
        changeableForDays=30,
    )
    stack.create(
        NOTIFICATIONS,
        "backups",
        backupVaultName=vault,
        snsTopicArn=TOPIC_ARN,
        backupVaultEvents=["BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED"],
    )
    stack.create(VAULT_POLICY, "backups", backupVaultName=vault, policy=DENY_DELETION)
    _, outputs = stack.create(
        ROLE, f"backup-{suffix}", assumeRolePolicy=trust("backup.amazonaws.com")
    )
    plan, _ = stack.create(
        PLAN,
        "backups",
        name=f"backups-{suffix}",
        rules=[
            rule(vault),
            {
                "ruleName": "monthly",
                "targetVaultName": vault,
                "schedule": "cron(0 4 1 * ? *)",
                "lifecycle": {"coldStorageAfter": 30, "deleteAfter": 400},
            },
            rule(vault, "continuous", enableContinuousBackup=True),
        ],
        advancedBackupSettings=[
            {"resourceType": "EC2", "backupOptions": {"WindowsVSS": "enabled"}}
        ],
    )
    stack.create(
        SELECTION,
        "tagged",
        planId=plan,
        iamRoleArn=outputs["arn"],
        selectionTags=[{"type": "STRINGEQUALS", "key": "Backup", "value": "daily"}],
    )
    stack.create(
        SELECTION,
        "named",
        planId=plan,
        name=f"named-{suffix}",
        iamRoleArn=outputs["arn"],
        resources=["arn:aws:rds:*:*:db:*"],
        notResources=["arn:aws:rds:*:*:db:scratch"],
        conditions=[{"stringEquals": [{"key": "aws:ResourceTag/Env", "value": "test"}]}],
    )
    testing, _ = stack.create(
        TESTING_PLAN,
        "monthly",
        name=f"monthly_{suffix}",
        scheduleExpression="cron(0 6 ? * SUN *)",
        scheduleExpressionTimezone="Australia/Brisbane",
        startWindowHours=8,
        recoveryPointSelection={
            "algorithm": "LATEST_WITHIN_WINDOW",
            "includeVaults": ["*"],
            "excludeVaults": [COPY_VAULT_ARN],
            "recoveryPointTypes": ["SNAPSHOT"],
            "selectionWindowDays": 7,
        },
    )
    stack.create(
        TESTING_SELECTION,
        "databases",
        name=f"databases_{suffix}",
        restoreTestingPlanName=testing,
        iamRoleArn=outputs["arn"],
        protectedResourceType="RDS",
        protectedResourceArns=["*"],
        protectedResourceConditions={
            "stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "daily"}]
        },
        restoreMetadataOverrides={"dbInstanceClass": "db.t4g.micro"},
        validationWindowHours=4,
    )
    stack.create(
        REGION_SETTINGS,
        "opted-in",
        resourceTypeOptInPreference={"RDS": True, "S3": True, "EC2": False},
        resourceTypeManagementPreference={"DynamoDB": True},
    )
    stack.create(GLOBAL_SETTINGS, "account", globalSettings={"isCrossAccountBackupEnabled": "0"})
    stack.create(
        REPLICATION,
        "database",
        sourceDbInstanceArn=DATABASE_ARN,
        kmsKeyId=key["arn"],
        retentionPeriod=14,
    )
