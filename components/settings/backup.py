"""Settings of backups."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictInt, ValidationInfo, field_validator

from components.settings.assets import MELBOURNE, SYDNEY
from components.settings.database import DatabaseSettings
from components.settings.fields import Problem, Section, reject
from components.settings.stack import Region, StackSection

_UNITED_STATES: Final = ("us-east-1", "us-east-2", "us-west-2")

# RDS user guide, "Replicating automated backups to another AWS Region": source and destinations,
# of the commercial regions that it lists. Melbourne is in none of the pairs.
# `aws rds describe-source-regions --region <destination>` says whether AWS has added one.
REPLICATED_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "ap-northeast-1": ("ap-northeast-2", "ap-northeast-3", "ap-southeast-1", *_UNITED_STATES),
    "ap-northeast-2": ("ap-northeast-1", "ap-southeast-1", *_UNITED_STATES),
    "ap-northeast-3": ("ap-northeast-1",),
    "ap-south-1": ("ap-southeast-1", *_UNITED_STATES),
    "ap-southeast-1": (
        *("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-2"),
        *_UNITED_STATES,
    ),
    SYDNEY: ("ap-southeast-1", "us-east-1", "us-west-1", "us-west-2"),
}

# So that each month of the past year has one: 366 days in a leap year.
TWELVE_MONTHS: Final = 366

Days = Annotated[StrictInt, Field(ge=1, le=36500)]


class VaultLock(StrEnum):
    """Who can delete a backup before its time."""

    NONE = "none"
    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


class ExportSettings(Section):
    """The bucket of the snapshots that are exported as files."""

    retention_days: Annotated[StrictInt, Field(ge=1, le=3650)] = Field(
        description="a number of days from 1 to 3650"
    )
    # S3 takes retention from a bucket, never Object Lock itself.
    object_lock_days: Annotated[StrictInt, Field(ge=1, le=3650)] | None = Field(
        default=None,
        description="a number of days up to retention_days for which nobody without "
        "s3:BypassGovernanceRetention deletes an export (without this setting there is no lock)",
    )

    @field_validator("object_lock_days")
    @classmethod
    def _locks_end_before_exports_go(cls, days: int | None, info: ValidationInfo) -> int | None:
        kept = info.data.get("retention_days")
        if days is not None and kept is not None and days > kept:
            reject(Problem("at most retention_days", f"{kept}: exports expire then"))
        return days


class BackupSettings(Section):
    """AWS Backup, what it copies to another region, and the exports."""

    copy_region: Region | None = Field(
        default=None,
        description="a commercial AWS region other than the stack's, such as ap-southeast-4 "
        "(without this setting it is the other region of Australia)",
    )
    # The database's automated backups end with their days; these must not end earlier.
    daily_retention_days: Days = Field(
        description="a number of days from 1 to 36500, and at least "
        "aussie-markets:database.backup_retention_days"
    )
    monthly_retention_days: Days = Field(
        default=TWELVE_MONTHS,
        description="a number of days up to 36500, and at least daily_retention_days",
        validate_default=True,
    )
    # Both Pulumi's protection and what keeps a vault and a bucket that hold something.
    deletion_protection: StrictBool = Field(description="true or false")
    lock: VaultLock = Field(
        description="none, governance (who may open the lock can) or compliance (after "
        "changeable_for_days nobody can, AWS included)"
    )
    # AWS Backup, PutBackupVaultLockConfiguration.
    changeable_for_days: Annotated[StrictInt, Field(ge=3, le=36500)] | None = Field(
        default=None,
        description="a number of days from 3 to 36500 where lock is compliance, and not set "
        "otherwise",
        validate_default=True,
    )
    restore_testing: StrictBool = Field(default=True, description="true or false")
    replicate_automated_backups_to: Region | None = Field(
        default=None,
        description="a region that RDS replicates automated backups to from the stack's (without "
        "this setting they stay in the stack's region)",
    )
    exports: ExportSettings = Field(
        description="a mapping with retention_days and object_lock_days"
    )

    @field_validator("monthly_retention_days")
    @classmethod
    def _monthly_ones_are_kept_longer(cls, days: int, info: ValidationInfo) -> int:
        daily = info.data.get("daily_retention_days")
        if daily is not None and days < daily:
            reject(Problem("at least daily_retention_days", str(daily)))
        return days

    @field_validator("changeable_for_days")
    @classmethod
    def _compliance_is_asked_for_twice(cls, days: int | None, info: ValidationInfo) -> int | None:
        lock = info.data.get("lock")
        if lock is not None and (lock is VaultLock.COMPLIANCE) != (days is not None):
            reject(
                Problem(
                    "set where lock is compliance",
                    "the days in which that can still be undone: at least 3",
                )
                if days is None
                else Problem("left out unless lock is compliance")
            )
        return days

    def copy_region_of(self, region: str) -> str:
        """Where a stack in `region` copies its backups to."""
        return self.copy_region or (SYDNEY if region == MELBOURNE else MELBOURNE)


def check_backup(backup: BackupSettings, stack: StackSection, database: DatabaseSettings) -> None:
    """Reject copies that would be lost together with the original, and gaps in time."""
    if backup.copy_region == stack.region:
        reject(Problem("another region than aussie-markets:stack.region", index="copy_region"))
    kept = database.backup_retention_days
    if backup.daily_retention_days < kept:
        reject(
            Problem(
                "at least aussie-markets:database.backup_retention_days",
                str(kept),
                index="daily_retention_days",
            )
        )
    replicated = REPLICATED_TO.get(stack.region, ())
    wanted = backup.replicate_automated_backups_to
    if wanted is not None and wanted not in replicated:
        reject(
            Problem(
                f"one of {', '.join(replicated)}, to which RDS replicates automated backups from "
                "the stack's region"
                if replicated
                else "left out: RDS replicates no automated backups from the stack's region",
                "a loss of the region then costs up to a day: docs/region-loss.md",
                index="replicate_automated_backups_to",
            )
        )
