"""The exact inputs and options of the backups, and what is apart from what."""

import json
import re
from typing import Any

import pytest

from components.backup import DAILY, MONTHLY, TIME_ZONE, Backup, BackupArgs
from components.naming import Names
from tests.unit.conftest import ACCOUNT_ID, Deployment, Registered, RunOnce, deploy, settings_of
from tests.unit.iam import Request, allowed

BACKUP = "aussie-markets:backup:Backup"
PRIVATE_BUCKET = "aussie-markets:buckets:PrivateBucket"
VAULT = "aws:backup/vault:Vault"
VAULT_POLICY = "aws:backup/vaultPolicy:VaultPolicy"
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
TESTING_PLAN = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
TESTING_SELECTION = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_LOGGING = "aws:s3/bucketLogging:BucketLogging"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
OBJECT_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

VAULT_ARN = "arn:aws:mock:::vault/backup-vault-arn"
COPIES_ARN = "arn:aws:mock:::vault/backup-copies-arn"
EXPORTS = "arn:aws:mock:::bucket/backup-exports-bucket-arn"
REPLICATED: dict[str, Any] = {"replicate_automated_backups_to": "ap-southeast-1"}
BUCKETS_CHILDREN = 2 * 6


@RunOnce
def backup(
    stack: str = "staging",
    *,
    preview: bool = False,
    region: str = "ap-southeast-2",
    replication_key_arn: str | None = "arn:replication-key",
    **values: Any,
) -> Deployment:
    settings = settings_of(stack, {"stack": {"region": region}, "backup": values})

    def program() -> None:
        Backup(
            "backup",
            BackupArgs(
                names=Names(settings.environment),
                region=region,
                settings=settings.backup,
                account_id=ACCOUNT_ID,
                kms_key_arn="arn:key",
                copy_key_arn="arn:copy-key",
                database_arn="arn:database",
                database_retention_days=settings.database.backup_retention_days,
                database_subnet_group_name="subnets",
                alarm_topic_arn="arn:topic",
                dead_letter_arn="arn:dead-letters",
                replication_key_arn=replication_key_arn,
            ),
        )

    return deploy(program, stack, preview=preview)


COUNTS = {
    BACKUP: 1,
    VAULT: 2,
    PLAN: 1,
    SELECTION: 1,
    TESTING_PLAN: 1,
    TESTING_SELECTION: 1,
    RULE: 2,
    TARGET: 2,
    ROLE: 3,
    ATTACHMENT: 2,
    ROLE_POLICY: 1,
    PRIVATE_BUCKET: 2,
    BUCKET_POLICY: 2,
    BUCKET_LOGGING: 1,
}
PRODUCTION_ALONE = {VAULT_POLICY: 2, LOCK: 2, OBJECT_LOCK: 1}


def own(deployment: Deployment) -> list[Registered]:
    """Everything but the component and what is inside its buckets."""
    buckets = {bucket.urn for bucket in deployment.of(PRIVATE_BUCKET).values()}
    return [r for r in deployment.resources if r.type != BACKUP and r.parent not in buckets]


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_counts_do_not_depend_on_what_aws_answers(stack: str, preview: bool) -> None:
    deployment = backup(stack, preview=preview)
    expected = COUNTS | (PRODUCTION_ALONE if stack == "production" else {})
    counts = deployment.counts()
    assert counts.items() >= expected.items()
    assert len(deployment.resources) == sum(expected.values()) + BUCKETS_CHILDREN


@BOTH
def test_options_of_the_children(stack: str) -> None:
    deployment = backup(stack, **REPLICATED)
    component = deployment.only(BACKUP)
    for child in own(deployment):
        assert child.parent == component.urn
        assert child.name.startswith("backup-")
        assert not child.retain_on_delete
        assert child.ignore_changes == ()
        assert child.protect == (child.type == VAULT and stack == "production")
        assert child.delete_before_replace == (child.type in (VAULT, LOCK, REPLICATION))


@BOTH
def test_a_vault_in_each_region(stack: str) -> None:
    vaults = backup(stack).of(VAULT)
    assert vaults["backup-vault"].inputs == {
        "name": f"aussie-markets-backups-{stack}",
        "kmsKeyArn": "arn:key",
        "forceDestroy": stack == "staging",
    }
    assert vaults["backup-copies"].inputs == {
        "name": f"aussie-markets-backup-copies-{stack}",
        "kmsKeyArn": "arn:copy-key",
        "forceDestroy": stack == "staging",
        "region": "ap-southeast-4",
    }


def test_a_stack_in_the_second_region_copies_elsewhere() -> None:
    for chosen, region in ((None, "ap-southeast-2"), ("ap-southeast-1", "ap-southeast-1")):
        vaults = backup(region="ap-southeast-4", copy_region=chosen).of(VAULT)
        assert vaults["backup-copies"].inputs["region"] == region
        assert "region" not in vaults["backup-vault"].inputs


def test_names_fit_for_the_longest_environment() -> None:
    names = Names("e" * 16)
    for name in (names.backup_vault, names.backup_copy_vault, names.prefix):
        assert re.fullmatch(r"[A-Za-z0-9_-]{2,50}", name)
    assert re.fullmatch(r"[A-Za-z0-9_]{1,50}", Names("demo-two").restore_testing)
    assert len(names.restore_testing) <= 50


@pytest.mark.parametrize(
    "action", ["DeleteRecoveryPoint", "DisassociateRecoveryPoint", "UpdateRecoveryPointLifecycle"]
)
def test_nobody_deletes_production_s_recovery_points(action: str) -> None:
    policies = backup("production").of(VAULT_POLICY)
    assert {p.inputs.get("region") for p in policies.values()} == {None, "ap-southeast-4"}
    for policy in policies.values():
        document = json.loads(policy.inputs["policy"])
        # Even where an identity's own policy allows everything.
        document["Statement"].append(
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
        )
        request = Request(f"backup:{action}", principal=f"AWS:arn:aws:iam::{ACCOUNT_ID}:root")
        assert not allowed(document, request)
        for wanted in ("CopyIntoBackupVault", "StartRestoreJob", "PutBackupVaultAccessPolicy"):
            assert allowed(document, Request(f"backup:{wanted}", principal=request.principal))


def test_production_s_vaults_are_locked_and_can_be_opened() -> None:
    locks = backup("production").of(LOCK)
    common = {"minRetentionDays": 35, "maxRetentionDays": 366}
    assert locks["backup-vault"].inputs == common | {
        "backupVaultName": "aussie-markets-backups-production"
    }
    assert locks["backup-copies"].inputs == common | {
        "backupVaultName": "aussie-markets-backup-copies-production",
        "region": "ap-southeast-4",
    }


def test_a_lock_for_ever_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    backup.anew("production")
    assert "nobody can delete" not in caplog.text
    locks = backup.anew("production", lock="compliance", changeable_for_days=14).of(LOCK)
    assert {lock.inputs["changeableForDays"] for lock in locks.values()} == {14}
    assert "14 days after this lock is made, nobody can delete" in caplog.text


@pytest.mark.parametrize(("stack", "daily"), [("staging", 7), ("production", 35)])
def test_daily_and_monthly_with_copies(stack: str, daily: int) -> None:
    plan = backup(stack).only(PLAN)
    assert plan.inputs == {
        "name": f"aussie-markets-{stack}",
        "rules": [
            {
                "ruleName": name,
                "targetVaultName": f"aussie-markets-backups-{stack}",
                "schedule": schedule,
                "scheduleExpressionTimezone": "Australia/Brisbane",
                "startWindow": 60,
                "completionWindow": 480,
                "lifecycle": {"deleteAfter": days},
                "copyActions": [
                    {"destinationVaultArn": COPIES_ARN, "lifecycle": {"deleteAfter": days}}
                ],
            }
            for name, schedule, days in (
                ("daily", "cron(0 4 * * ? *)", daily),
                ("monthly", "cron(0 4 1 * ? *)", 366),
            )
        ],
    }


@BOTH
def test_what_has_the_databases_tag_is_backed_up(stack: str) -> None:
    deployment = backup(stack)
    selection = deployment.only(SELECTION)
    assert selection.inputs == {
        "name": f"aussie-markets-{stack}",
        "planId": "backup-plan-id",
        "iamRoleArn": "arn:aws:mock:::role/backup-backups-arn",
        "selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": stack}],
    }
    assert deployment.of(ATTACHMENT)["backup-backups"].urn in selection.depends_on


def test_the_newest_backup_is_restored_every_month() -> None:
    deployment = backup("demo-two", exports={"object_lock_days": None})
    assert deployment.only(TESTING_PLAN).inputs == {
        "name": "aussie_markets_demo_two",
        "scheduleExpression": "cron(0 10 2 * ? *)",
        "scheduleExpressionTimezone": "Australia/Brisbane",
        "startWindowHours": 8,
        "recoveryPointSelection": {
            "algorithm": "LATEST_WITHIN_WINDOW",
            "includeVaults": [VAULT_ARN],
            "recoveryPointTypes": ["SNAPSHOT"],
            "selectionWindowDays": 7,
        },
    }
    selection = deployment.only(TESTING_SELECTION)
    assert selection.inputs == {
        "name": "databases",
        "restoreTestingPlanName": "aussie_markets_demo_two",
        "iamRoleArn": "arn:aws:mock:::role/backup-restores-arn",
        "protectedResourceType": "RDS",
        "protectedResourceArns": ["*"],
        "protectedResourceConditions": {
            "stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "demo-two"}]
        },
        "restoreMetadataOverrides": {
            "dbSubnetGroupName": "subnets",
            "publiclyAccessible": "false",
        },
    }
    assert deployment.of(ATTACHMENT)["backup-restores"].urn in selection.depends_on


def test_restore_tests_can_be_left_out() -> None:
    counts = backup(restore_testing=False).counts()
    assert TESTING_PLAN not in counts
    assert TESTING_SELECTION not in counts
    assert counts[ROLE] == 2


def test_aws_backup_has_aws_s_own_policies_and_acts_for_this_account_alone() -> None:
    deployment = backup()
    for label, policy in (("backups", "Backup"), ("restores", "Restores")):
        role = deployment.of(ROLE)[f"backup-{label}"]
        trust = role.inputs["assumeRolePolicy"]

        def assume(account: str, service: str, trust: str = trust) -> bool:
            context = {"aws:SourceAccount": account}
            return allowed(
                trust, Request("sts:AssumeRole", context=context, principal=f"Service:{service}")
            )

        assert assume(ACCOUNT_ID, "backup.amazonaws.com")
        assert not assume("999900001111", "backup.amazonaws.com")
        assert not assume(ACCOUNT_ID, "rds.amazonaws.com")
        assert deployment.of(ATTACHMENT)[f"backup-{label}"].inputs == {
            "role": f"backup-{label}-a1b2c3d",
            "policyArn": (
                f"arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor{policy}"
            ),
        }


@pytest.mark.parametrize(
    ("label", "events", "field"),
    [
        ("jobs", ["Backup Job State Change", "Copy Job State Change"], "state"),
        ("restores", ["Restore Job State Change"], "status"),
    ],
)
def test_failures_reach_people(label: str, events: list[str], field: str) -> None:
    deployment = backup()
    inputs = deployment.of(RULE)[f"backup-{label}-failed"].inputs
    assert inputs.keys() == {"description", "eventPattern"}
    assert json.loads(inputs["eventPattern"]) == {
        "source": ["aws.backup"],
        "detail-type": events,
        "detail": {field: ["FAILED", "EXPIRED", "ABORTED"]},
    }
    assert deployment.of(TARGET)[f"backup-{label}-failed"].inputs == {
        "rule": f"backup-{label}-failed-a1b2c3d",
        "arn": "arn:topic",
        "deadLetterConfig": {"arn": "arn:dead-letters"},
    }


def test_automated_backups_are_replicated_where_the_settings_say() -> None:
    assert REPLICATION not in backup("production").counts()
    assert backup("production", **REPLICATED).only(REPLICATION).inputs == {
        "sourceDbInstanceArn": "arn:database",
        "kmsKeyId": "arn:replication-key",
        "retentionPeriod": 30,
        "region": "ap-southeast-1",
    }


def test_replicated_backups_need_a_key_there() -> None:
    with pytest.raises(ValueError, match="is missing: the ARN of a key in ap-southeast-1"):
        backup(replication_key_arn=None, **REPLICATED)


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_the_export_bucket(stack: str, days: int) -> None:
    deployment = backup(stack)
    for bucket in deployment.of(BUCKET).values():
        assert bucket.inputs == {"forceDestroy": stack == "staging"}
        assert bucket.protect == (stack == "production")
    (rule,) = deployment.of(LIFECYCLE)["backup-exports-lifecycle"].inputs["rules"]
    assert rule["expiration"] == {"days": days}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    (encryption,) = deployment.of(ENCRYPTION)["backup-exports-encryption"].inputs["rules"]
    assert encryption["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == "arn:key"
    policy = deployment.of(BUCKET_POLICY)["backup-exports"].inputs["policy"]
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [EXPORTS, f"{EXPORTS}/*"]


def test_who_reads_exports_is_recorded() -> None:
    deployment = backup("production")
    logging = deployment.only(BUCKET_LOGGING)
    assert logging.inputs == {
        "bucket": "backup-exports-bucket-a1b2c3d",
        "targetBucket": "backup-readers-bucket-a1b2c3d",
        "targetPrefix": "exports/",
    }
    policy = deployment.of(BUCKET_POLICY)["backup-readers"]
    assert policy.urn in logging.depends_on

    def deliver(key: str, **context: str) -> bool:
        given = {"aws:SourceAccount": ACCOUNT_ID, "aws:SourceArn": EXPORTS}
        given["aws:SecureTransport"] = "true"
        given |= {name.replace("_", ":"): value for name, value in context.items()}
        resource = f"{EXPORTS.replace('exports', 'readers')}/{key}"
        service = "Service:logging.s3.amazonaws.com"
        return allowed(policy.inputs["policy"], Request("s3:PutObject", resource, given, service))

    assert deliver("exports/2026-01-01")
    assert not deliver("elsewhere/2026-01-01")
    assert not deliver("exports/2026-01-01", aws_SourceAccount="999900001111")
    assert not deliver("exports/2026-01-01", aws_SourceArn="arn:aws:s3:::another")
    assert not deliver("exports/2026-01-01", aws_SecureTransport="false")


def test_exports_are_locked_by_setting() -> None:
    deployment = backup("production", exports={"object_lock_days": 90})
    lock = deployment.only(OBJECT_LOCK)
    assert lock.inputs == {
        "bucket": "backup-exports-bucket-a1b2c3d",
        "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 90}},
    }
    versionings = deployment.of("aws:s3/bucketVersioning:BucketVersioning")
    assert versionings["backup-exports-versions"].urn in lock.depends_on


def test_rds_may_write_exports_of_this_account_and_region_and_nothing_else() -> None:
    deployment = backup()
    trust = deployment.of(ROLE)["backup-export"].inputs["assumeRolePolicy"]

    def assume(account: str, source: str) -> bool:
        return allowed(
            trust,
            Request(
                "sts:AssumeRole",
                context={"aws:SourceAccount": account, "aws:SourceArn": source},
                principal="Service:export.rds.amazonaws.com",
            ),
        )

    here = f"arn:aws:rds:ap-southeast-2:{ACCOUNT_ID}:snapshot:nightly"
    assert assume(ACCOUNT_ID, here)
    assert not assume("999900001111", here)
    assert not assume(ACCOUNT_ID, here.replace(ACCOUNT_ID, "999900001111"))
    assert not assume(ACCOUNT_ID, here.replace("ap-southeast-2", "us-east-1"))

    policy = deployment.only(ROLE_POLICY).inputs["policy"]
    for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
        assert allowed(policy, Request(action, f"{EXPORTS}/nightly/part-0.parquet"))
        assert not allowed(policy, Request(action, "arn:aws:s3:::another/nightly"))
    for action in ("s3:ListBucket", "s3:GetBucketLocation"):
        assert allowed(policy, Request(action, EXPORTS))
    for action in ("s3:DeleteBucket", "s3:PutBucketPolicy", "s3:BypassGovernanceRetention"):
        assert not allowed(policy, Request(action, EXPORTS))
        assert not allowed(policy, Request(action, f"{EXPORTS}/nightly"))
    through = {"kms:ViaService": "s3.ap-southeast-2.amazonaws.com"}
    assert allowed(policy, Request("kms:GenerateDataKey", "arn:key", through))
    assert not allowed(policy, Request("kms:GenerateDataKey", "arn:other-key", through))
    assert not allowed(policy, Request("kms:Decrypt", "arn:key"))


DAY = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BRISBANE = 10 * 60


def week(start: str, end: str) -> set[int]:
    """The minutes of the UTC week between two times, every day or on one weekday."""

    def minute(text: str) -> int:
        *day, hours, minutes = text.split(":")
        return (WEEKDAYS.index(day[0]) if day else 0) * DAY + int(hours) * 60 + int(minutes)

    first, last = minute(start), minute(end)
    length = (last - first) % (7 * DAY if start[0].isalpha() else DAY)
    days = range(1) if start[0].isalpha() else range(7)
    return {(first + day * DAY + n) % (7 * DAY) for day in days for n in range(length)}


def hours_of(schedule: str, minutes: int) -> set[int]:
    """The minutes of every day of the UTC week that begin at a schedule's time in Brisbane."""
    match = re.fullmatch(r"cron\((\d+) (\d+) .*\)", schedule)
    assert match
    start = int(match[2]) * 60 + int(match[1]) - BRISBANE
    return {(start + day * DAY + n) % (7 * DAY) for day in range(7) for n in range(minutes)}


@BOTH
def test_nothing_that_backs_up_or_maintains_meets_anything_else(stack: str) -> None:
    settings = settings_of(stack)
    assert TIME_ZONE == "Australia/Brisbane"
    database, cache = settings.database, settings.cache

    def window(text: str) -> set[int]:
        start, _, end = text.partition("-")
        return week(start, end)

    windows = {
        "database backup": window(database.backup_window),
        "database maintenance": window(database.maintenance_window),
        "cache snapshot": window(cache.snapshot_window),
        "cache maintenance": window(cache.maintenance_window),
        # Deployment documentation, "Automated Backup Schedule"; design: in Brisbane.
        "export": hours_of("cron(0 2 * * ? *)", 60),
        "AWS Backup": hours_of(DAILY, 60),
    }
    assert hours_of(MONTHLY, 60) == windows["AWS Backup"]
    for name, minutes in windows.items():
        assert len(minutes) in (60, 7 * 60)
        for other, taken in windows.items():
            assert name == other or not minutes & taken, f"{name} meets {other}"
    # RDS delays or refuses a snapshot that is asked for near its own windows.
    for name in ("database backup", "database maintenance"):
        for other in ("export", "AWS Backup"):
            near = {(m + n) % (7 * DAY) for m in windows[other] for n in range(-60, 61)}
            assert not windows[name] & near, f"{name} is near {other}"


def test_registered_outputs() -> None:
    deployment = backup()
    assert deployment.outputs[deployment.only(BACKUP).urn] == {
        "vault_name": "aussie-markets-backups-staging",
        "copy_vault_arn": COPIES_ARN,
        "plan_id": "backup-plan-id",
        "export_bucket_name": "backup-exports-bucket-a1b2c3d",
        "export_bucket_arn": EXPORTS,
        "export_role_arn": "arn:aws:mock:::role/backup-export-arn",
    }
