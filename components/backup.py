"""Backups of the database, their copies in a second region, and the exports."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.buckets import (
    PrivateBucket,
    PrivateBucketArgs,
    bucket_policy,
    lock_versions,
    record_readers,
)
from components.documents import on_behalf_of, policy_document, service_trust
from components.naming import Names
from components.roles import role_with_rights
from components.settings.backup import BackupSettings, VaultLock

# UTC+10 all year: in Sydney an hour of the night is missing once a year and doubled once.
TIME_ZONE: Final = "Australia/Brisbane"
# Clear of the database's windows and of the export: components/settings/windows.py. AWS Backup
# developer guide, "Backup plan options": where rules meet on the first of a month, the backup
# that is kept longer is made.
DAILY: Final = "cron(0 4 * * ? *)"
MONTHLY: Final = "cron(0 4 1 * ? *)"
# The second of a month, when the people who read a failure are at work.
RESTORE_TEST: Final = "cron(0 10 2 * ? *)"

# Minutes. The shortest that AWS Backup takes, so that a late start stays clear of maintenance.
START_WINDOW: Final = 60
# Minutes. The first copy to another region is a full one.
COMPLETION_WINDOW: Final = 480

# In which an export that was deleted by mistake can be brought back.
DELETED_EXPORT_DAYS: Final = 30

# How far back a restore test looks for the newest recovery point.
TESTED_WITHIN_DAYS: Final = 7
TEST_START_WINDOW_HOURS: Final = 8

_MANAGED_POLICY: Final = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"

# AWS Backup developer guide, "Monitoring AWS Backup events using Amazon EventBridge": jobs of
# restores have a status, all others a state.
FAILURES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "jobs": (("Backup Job State Change", "Copy Job State Change"), "state"),
    "restores": (("Restore Job State Change",), "status"),
}
FAILED_STATES: Final = ("FAILED", "EXPIRED", "ABORTED")

# The end of their time is no call of anybody's, so it is not denied.
KEEP_RECOVERY_POINTS: Final = policy_document(
    {
        "Sid": "KeepRecoveryPoints",
        "Effect": "Deny",
        "Principal": "*",
        "Action": [
            "backup:DeleteRecoveryPoint",
            "backup:DisassociateRecoveryPoint",
            "backup:UpdateRecoveryPointLifecycle",
        ],
        "Resource": "*",
    }
)


@dataclass(frozen=True)
class BackupArgs:
    """Inputs of `Backup`.

    `kms_key_arn` is in `region`, `copy_key_arn` in the second region and `replication_key_arn`
    where the settings replicate automated backups to. All must outlive the stack, as backups do.
    `database_subnet_group_name` is where restore tests put their database. EventBridge must be
    allowed to publish to `alarm_topic_arn` and to send to `dead_letter_arn`.
    """

    names: Names
    region: str
    settings: BackupSettings
    account_id: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    copy_key_arn: pulumi.Input[str]
    database_arn: pulumi.Input[str]
    database_retention_days: int
    database_subnet_group_name: pulumi.Input[str]
    alarm_topic_arn: pulumi.Input[str]
    dead_letter_arn: pulumi.Input[str]
    replication_key_arn: pulumi.Input[str] | None = None


class Backup(pulumi.ComponentResource):
    """`aussie-markets:backup:Backup`: what remains when the database, or its region, is lost.

    Point in time is RDS's own: these are snapshots, which outlive it and are elsewhere too.

    - `aws.backup.Vault` in the stack's region and in the second one. Deletion protection keeps
      both; without it they go together with what they hold.
    - `aws.backup.VaultPolicy` of a protected vault: nobody deletes a recovery point or shortens
      its time, before this policy is changed.
    - `aws.backup.VaultLockConfiguration` of each vault, by setting: no recovery point goes before
      its time, and none is made for ever.
    - `aws.backup.Plan`, `aws.backup.Selection`: daily and monthly, copied, of what has the tag.
    - `aws.iam.Role` and `aws.iam.RolePolicyAttachment` for backups, and for restore tests.
    - `aws.backup.RestoreTestingPlan`, `aws.backup.RestoreTestingSelection`, by setting: a backup
      that nobody has restored is none.
    - `aws.cloudwatch.EventRule` and `aws.cloudwatch.EventTarget`: jobs that failed reach people.
      (A vault's own notifications no longer know of failed backups.)
    - `aws.rds.InstanceAutomatedBackupsReplication`, by setting: point in time in another region.
    - `aussie-markets:buckets:PrivateBucket` with `aws.s3.BucketPolicy` and, by setting,
      `aws.s3.BucketObjectLockConfiguration`: snapshots as files, which need no RDS to be read.
    - `aws.s3.BucketLogging` into a second `PrivateBucket`: who read them, as they hold everything.
    - `aws.iam.Role`, `aws.iam.RolePolicy`: what RDS's export may write there.
    """

    vault_name: pulumi.Output[str]
    copy_vault_arn: pulumi.Output[str]
    plan_id: pulumi.Output[str]
    export_bucket_name: pulumi.Output[str]
    export_bucket_arn: pulumi.Output[str]
    export_role_arn: pulumi.Output[str]
    """What the export function hands to RDS; it must be allowed to pass exactly this role."""

    def __init__(
        self, name: str, args: BackupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:backup:Backup", name, None, opts)
        self._name_prefix = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)

        names, settings = args.names, args.settings
        if settings.lock is VaultLock.COMPLIANCE:
            pulumi.log.warn(
                f"{settings.changeable_for_days} days after this lock is made, nobody can delete "
                f"the backups of {names.environment} or their vaults before their time, AWS "
                f"included: up to {settings.monthly_retention_days} days are paid for whatever "
                "happens",
                self,
            )
        vault = self._vault("vault", names.backup_vault, args.kms_key_arn, None)
        copies = self._vault(
            "copies",
            names.backup_copy_vault,
            args.copy_key_arn,
            settings.copy_region_of(args.region),
        )
        plan = self._plan(vault, copies)
        if settings.restore_testing:
            self._restore_test(vault)
        for label, (events, field) in FAILURES.items():
            self._tell_of_failed(label, events, field)
        if settings.replicate_automated_backups_to is not None:
            self._replicate(settings.replicate_automated_backups_to)
        bucket = self._exports()

        self.vault_name = vault.name
        self.copy_vault_arn = copies.arn
        self.plan_id = plan.id
        self.export_bucket_name = bucket.bucket_name
        self.export_bucket_arn = bucket.arn
        self.export_role_arn = self._export_role(bucket).arn
        self.register_outputs(
            {
                "vault_name": self.vault_name,
                "copy_vault_arn": self.copy_vault_arn,
                "plan_id": self.plan_id,
                "export_bucket_name": self.export_bucket_name,
                "export_bucket_arn": self.export_bucket_arn,
                "export_role_arn": self.export_role_arn,
            }
        )

    def _vault(
        self, label: str, vault_name: str, key_arn: pulumi.Input[str], region: str | None
    ) -> aws.backup.Vault:
        settings = self._args.settings
        vault = aws.backup.Vault(
            f"{self._name_prefix}-{label}",
            name=vault_name,
            kms_key_arn=key_arn,
            force_destroy=not settings.deletion_protection,
            region=region,
            opts=pulumi.ResourceOptions(
                parent=self,
                # AWS Backup refuses to delete a vault that holds something, but by then the
                # rest of the stack would be gone.
                protect=settings.deletion_protection,
                # The name is fixed, so that the vault is found; two cannot coexist.
                delete_before_replace=True,
            ),
        )
        if settings.deletion_protection:
            aws.backup.VaultPolicy(
                f"{self._name_prefix}-{label}",
                backup_vault_name=vault.name,
                policy=json.dumps(KEEP_RECOVERY_POINTS),
                region=region,
                opts=self._child,
            )
        if settings.lock is not VaultLock.NONE:
            aws.backup.VaultLockConfiguration(
                f"{self._name_prefix}-{label}",
                backup_vault_name=vault.name,
                min_retention_days=settings.daily_retention_days,
                max_retention_days=settings.monthly_retention_days,
                changeable_for_days=settings.changeable_for_days,
                region=region,
                # A vault has one lock, and pulumi-aws replaces it on every change.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
        return vault

    def _plan(self, vault: aws.backup.Vault, copies: aws.backup.Vault) -> aws.backup.Plan:
        names, settings = self._args.names, self._args.settings
        plan = aws.backup.Plan(
            f"{self._name_prefix}-plan",
            # AWS Backup takes 50 characters, fewer than an auto-name can have.
            name=names.prefix,
            rules=[
                _rule("daily", DAILY, settings.daily_retention_days, vault, copies),
                _rule("monthly", MONTHLY, settings.monthly_retention_days, vault, copies),
            ],
            opts=self._child,
        )
        role, attachment = self._service_role(
            "backups", "Backup", "Lets AWS Backup back up and copy the database"
        )
        aws.backup.Selection(
            f"{self._name_prefix}-selection",
            name=names.prefix,
            plan_id=plan.id,
            iam_role_arn=role.arn,
            selection_tags=[
                aws.backup.SelectionSelectionTagArgs(type="STRINGEQUALS", key=key, value=value)
                for key, value in names.backup_tags.items()
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
        )
        return plan

    def _service_role(
        self, label: str, policy: str, description: str
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicyAttachment]:
        """A role for AWS Backup with one of the policies that AWS keeps for it."""
        role = aws.iam.Role(
            f"{self._name_prefix}-{label}",
            description=description,
            assume_role_policy=pulumi.Output.json_dumps(
                service_trust(
                    "backup.amazonaws.com",
                    {"StringEquals": {"aws:SourceAccount": self._args.account_id}},
                )
            ),
            opts=self._child,
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{self._name_prefix}-{label}",
            role=role.name,
            policy_arn=f"{_MANAGED_POLICY}{policy}",
            opts=self._child,
        )
        return role, attachment

    def _restore_test(self, vault: aws.backup.Vault) -> None:
        names = self._args.names
        plan = aws.backup.RestoreTestingPlan(
            f"{self._name_prefix}-restore-test",
            name=names.restore_testing,
            schedule_expression=RESTORE_TEST,
            schedule_expression_timezone=TIME_ZONE,
            start_window_hours=TEST_START_WINDOW_HOURS,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="LATEST_WITHIN_WINDOW",
                include_vaults=[vault.arn],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=TESTED_WITHIN_DAYS,
            ),
            opts=self._child,
        )
        role, attachment = self._service_role(
            "restores", "Restores", "Lets AWS Backup restore a database as a test"
        )
        conditions = aws.backup.RestoreTestingSelectionProtectedResourceConditionsArgs(
            string_equals=[
                aws.backup.RestoreTestingSelectionProtectedResourceConditionsStringEqualArgs(
                    key=f"aws:ResourceTag/{key}", value=value
                )
                for key, value in names.backup_tags.items()
            ]
        )
        aws.backup.RestoreTestingSelection(
            f"{self._name_prefix}-restore-test",
            name="databases",
            restore_testing_plan_name=plan.name,
            iam_role_arn=role.arn,
            protected_resource_type="RDS",
            protected_resource_arns=["*"],
            protected_resource_conditions=conditions,
            # Without a default VPC AWS Backup infers no subnets. The VPC's default security
            # group, which it does infer, lets nothing in or out.
            restore_metadata_overrides={
                "dbSubnetGroupName": self._args.database_subnet_group_name,
                "publiclyAccessible": "false",
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
        )

    def _tell_of_failed(self, label: str, events: Sequence[str], field: str) -> None:
        # AWS Backup's events do not all say vault or plan, so those of all stacks in the
        # account are told, rather than one too few.
        rule = aws.cloudwatch.EventRule(
            f"{self._name_prefix}-{label}-failed",
            description=f"AWS Backup: {label} that failed",
            event_pattern=pulumi.Output.json_dumps(
                {
                    "source": ["aws.backup"],
                    "detail-type": list(events),
                    "detail": {field: list(FAILED_STATES)},
                }
            ),
            opts=self._child,
        )
        aws.cloudwatch.EventTarget(
            f"{self._name_prefix}-{label}-failed",
            rule=rule.name,
            arn=self._args.alarm_topic_arn,
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(
                arn=self._args.dead_letter_arn
            ),
            opts=self._child,
        )

    def _replicate(self, region: str) -> None:
        if self._args.replication_key_arn is None:
            raise ValueError(f"replication_key_arn is missing: the ARN of a key in {region}")
        aws.rds.InstanceAutomatedBackupsReplication(
            f"{self._name_prefix}-replication",
            source_db_instance_arn=self._args.database_arn,
            kms_key_id=self._args.replication_key_arn,
            retention_period=self._args.database_retention_days,
            # RDS is asked where the backups go to.
            region=region,
            # An instance has one replication to a region. Those backups that are there stay.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _exports(self) -> PrivateBucket:
        exports = self._args.settings.exports
        name = f"{self._name_prefix}-exports"
        bucket = PrivateBucket(
            name,
            PrivateBucketArgs(
                kms_key_arn=self._args.kms_key_arn,
                old_version_days=DELETED_EXPORT_DAYS,
                protect=self._args.settings.deletion_protection,
                expire_days=exports.retention_days,
            ),
            self._child,
        )
        bucket_policy(name, bucket, self._child)
        record_readers(
            f"{self._name_prefix}-readers",
            bucket,
            "exports",
            self._args.account_id,
            PrivateBucketArgs(
                kms_key_arn=None,
                old_version_days=DELETED_EXPORT_DAYS,
                protect=self._args.settings.deletion_protection,
                expire_days=exports.retention_days,
            ),
            self._child,
        )
        if exports.object_lock_days is not None:
            lock_versions(name, bucket, exports.object_lock_days, self._child)
        return bucket

    def _export_role(self, bucket: PrivateBucket) -> aws.iam.Role:
        args = self._args
        # RDS user guide, "Setting up access to an Amazon S3 bucket": trust, actions, resources.
        own_rds = pulumi.Output.concat(f"arn:aws:rds:{args.region}:", args.account_id, ":*")
        through_s3 = {"kms:ViaService": f"s3.{args.region}.amazonaws.com"}
        role, _ = role_with_rights(
            f"{self._name_prefix}-export",
            "Lets RDS write exported snapshots",
            service_trust("export.rds.amazonaws.com", on_behalf_of(args.account_id, own_rds)),
            [
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
                    "Resource": bucket.arn,
                },
                {
                    "Effect": "Allow",
                    "Action": ["s3:DeleteObject*", "s3:GetObject*", "s3:PutObject*"],
                    "Resource": pulumi.Output.concat(bucket.arn, "/*"),
                },
                {
                    "Effect": "Allow",
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                    "Resource": args.kms_key_arn,
                    "Condition": {"StringEquals": through_s3},
                },
            ],
            self._child,
        )
        return role


def _rule(
    name: str, schedule: str, days: int, vault: aws.backup.Vault, copies: aws.backup.Vault
) -> aws.backup.PlanRuleArgs:
    """A rule whose copies are kept as long as the original; neither goes to cold storage."""
    return aws.backup.PlanRuleArgs(
        rule_name=name,
        target_vault_name=vault.name,
        schedule=schedule,
        schedule_expression_timezone=TIME_ZONE,
        start_window=START_WINDOW,
        completion_window=COMPLETION_WINDOW,
        lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=days),
        copy_actions=[
            aws.backup.PlanRuleCopyActionArgs(
                destination_vault_arn=copies.arn,
                lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=days),
            )
        ],
    )
