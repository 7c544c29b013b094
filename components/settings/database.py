"""Settings of the database."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)

from components.settings.fields import (
    BURSTABLE_SIZES,
    FIXED_SIZES,
    LogRetentionDays,
    Problem,
    Section,
    Version,
    reject,
)
from components.settings.windows import check_distance, check_overlap, check_window

_FIXED_GIB: Final = (8, 16, 32, 64, 128, 192, 256)

# RDS user guide, "Hardware specifications for DB instance classes": GiB of memory of the classes
# that run PostgreSQL 15. Each size has the same in every family of one letter.
INSTANCE_CLASS_MEMORY: Final[Mapping[str, int]] = {
    **{
        f"db.{family}.{size}": 2**step
        for family in ("t3", "t4g")
        for step, size in enumerate(BURSTABLE_SIZES)
    },
    **{
        f"db.{letter}{generation}.{size}": gib * share
        for letter, share in (("m", 1), ("r", 2))
        for generation in ("6g", "6i", "7g")
        for size, gib in zip(FIXED_SIZES, _FIXED_GIB, strict=True)
    },
}

# RDS computes one connection for each 9,531,392 bytes, 112 a GiB, at most 5,000, and of a figure
# that it does not publish. An explicit one is known to alarms; somewhat fewer leave memory.
CONNECTIONS_PER_GIB: Final = 100
MAX_CONNECTIONS: Final = 5000

# RDS user guide, "Release calendars for Amazon RDS for PostgreSQL": minor versions before these
# are deprecated, and no instance is created with them. (15.1 never existed on RDS.)
FIRST_CREATABLE_MINOR: Final[Mapping[int, int]] = {15: 13}


def _check_instance_class(name: str) -> str:
    if name not in INSTANCE_CLASS_MEMORY:
        close = difflib.get_close_matches(name, INSTANCE_CLASS_MEMORY, n=1)
        reject(
            Problem(
                "a class that runs PostgreSQL 15: db.t3 or db.t4g from micro to 2xlarge, db.m6g, "
                "db.m6i, db.m7g, db.r6g, db.r6i or db.r7g from large to 16xlarge",
                f"did you mean {close[0]}?" if close else "",
            )
        )
    return name


def _parse_engine_version(value: object) -> object:
    # Unquoted, the major version arrives as a number. 15.10 would have become 15.1.
    return str(value) if isinstance(value, int) else value


def _check_engine_version(version: str) -> str:
    majors = ", ".join(str(major) for major in FIRST_CREATABLE_MINOR)
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?", version)
    major, minor = (match[1], match[2]) if match else ("0", None)
    first = FIRST_CREATABLE_MINOR.get(int(major))
    if first is None:
        reject(Problem(f'a PostgreSQL version of major {majors}, in quotes, such as "15"'))
    if minor is not None and int(minor) < first:
        reject(
            Problem(
                f'"{major}", which takes the newest minor version, or {major}.{first} and newer',
                f"AWS deprecated the versions before {major}.{first} and creates no instance "
                "with them",
            )
        )
    return version


class DatabaseSettings(Section):
    """The PostgreSQL instance and its read replicas. Deployment documentation, "Database Setup"."""

    instance_class: Annotated[str, AfterValidator(_check_instance_class)] = Field(
        description="an instance class in quotes, such as db.t3.micro"
    )
    # The major version alone: AWS upgrades minor ones by itself, and a full version would then ask
    # for a downgrade. A full version is what the instance is created with, and no more.
    engine_version: Annotated[
        str, BeforeValidator(_parse_engine_version), AfterValidator(_check_engine_version)
    ] = Field(default="15", description='a PostgreSQL version in quotes, such as "15"')
    # RDS user guide, "General Purpose SSD storage": gp3 has these limits.
    allocated_storage_gib: Annotated[StrictInt, Field(ge=20, le=65536)] = Field(
        default=20, description="a number of GiB from 20 to 65536, the limits of gp3 storage"
    )
    max_allocated_storage_gib: Annotated[StrictInt, Field(le=65536)] = Field(
        description="a number of GiB up to 65536, and at least a tenth above allocated_storage_gib"
    )
    multi_az: StrictBool = Field(description="true or false")
    # Both RDS's own and Pulumi's, so that lifting it is one reviewed change.
    deletion_protection: StrictBool = Field(description="true or false")
    backup_retention_days: Annotated[StrictInt, Field(ge=1, le=35)] = Field(
        description="a number of days from 1 to 35: RDS keeps automated backups no longer, and 0 "
        "would turn them off and delete them"
    )
    # 22:30 in Brisbane, then Sunday 06:30: little traffic, and clear of OTHER_BACKUPS.
    backup_window: str = Field(
        default="12:30-13:30", description="a daily window in UTC, such as 12:30-13:30"
    )
    maintenance_window: str = Field(
        default="sat:20:30-sat:21:30",
        description="a weekly window in UTC, such as sat:20:30-sat:21:30",
        validate_default=True,
    )
    log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )
    insights_mode: Literal["standard", "advanced"] = Field(
        default="standard", description="standard or advanced"
    )
    # Seven days are free of charge.
    insights_retention_days: StrictInt = Field(
        default=7,
        description="7, 731 or a multiple of 31 up to 713 days",
        validate_default=True,
    )
    # AWS Foundational Security Best Practices, RDS.25: not one that everybody tries first.
    username: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,62}$")] = Field(
        default="aussiemarkets",
        description="1 to 63 lower-case letters and digits, a letter first, and none of "
        "postgres, admin, root, user and the names that begin with rds or pg",
    )
    # RDS user guide, "Working with read replicas": at most fifteen of one PostgreSQL instance.
    read_replicas: Annotated[StrictInt, Field(ge=0, le=15)] = Field(
        default=0, description="a number from 0 to 15"
    )
    # Read when the instance is created. A later change of it does nothing by itself, since it would
    # rebuild the database and lose what is newer (terraform-aws-rds#270).
    snapshot_identifier: (
        Annotated[str, Field(pattern=r"^[A-Za-z](-?[A-Za-z0-9:])*$", max_length=255)] | None
    ) = Field(
        default=None, description="the name of a database snapshot that a new instance starts from"
    )
    rebuild_from_snapshot: StrictBool = Field(
        default=False,
        description="true where snapshot_identifier is set and the database is to be replaced by "
        "what that snapshot holds; false otherwise",
    )
    # RDS restores with the snapshot's own key and cannot change it: docs/region-loss.md.
    kms_key_arn: (
        Annotated[str, Field(pattern=r"^arn:aws:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]{36}$")] | None
    ) = Field(
        default=None,
        description="the ARN of the KMS key in the stack's region that encrypts the snapshot of "
        "snapshot_identifier (without this setting it is the stack's own key)",
    )
    # Part of the final snapshot's name, which must not exist yet. So it is raised before a change
    # that replaces the instance, and before a stack is built again.
    generation: Version = Field(default=1, description="a number from 1 to 999, raised by one")
    # Of the password in both the instance and database-url: raising it writes both again.
    password_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )

    @field_validator("max_allocated_storage_gib")
    @classmethod
    def _storage_can_grow(cls, limit: int, info: ValidationInfo) -> int:
        # RDS, CreateDBInstance: the limit is at least 10 % above the allocated storage.
        allocated = info.data.get("allocated_storage_gib")
        if allocated is not None and limit * 10 < allocated * 11:
            least = -(-allocated * 11 // 10)
            reject(
                Problem(f"at least {least}, a tenth above allocated_storage_gib", str(allocated))
            )
        return limit

    @field_validator("backup_window")
    @classmethod
    def _backups_are_apart(cls, window: str) -> str:
        check_window(window, least=30, weekly=False)
        check_distance(window)
        return window

    @field_validator("maintenance_window")
    @classmethod
    def _maintenance_is_apart(cls, window: str, info: ValidationInfo) -> str:
        check_window(window, least=30, weekly=True)
        check_distance(window)
        check_overlap(window, info.data.get("backup_window"))
        return window

    @field_validator("insights_retention_days")
    @classmethod
    def _insights_are_kept(cls, days: int, info: ValidationInfo) -> int:
        if days not in {7, 731, *range(31, 731, 31)}:
            reject(Problem("7, 731 or a multiple of 31 up to 713 days"))
        if info.data.get("insights_mode") == "advanced" and days < 465:
            reject(Problem("at least 465 where insights_mode is advanced"))
        return days

    @field_validator("username")
    @classmethod
    def _username_is_not_reserved(cls, name: str) -> str:
        if name in {"postgres", "admin", "root", "user"} or name.startswith(("rds", "pg")):
            raise ValueError
        return name

    @field_validator("rebuild_from_snapshot")
    @classmethod
    def _a_rebuild_has_a_source(cls, rebuild: bool, info: ValidationInfo) -> bool:
        if rebuild and info.data.get("snapshot_identifier", "") is None:
            reject(Problem("false where snapshot_identifier is not set"))
        return rebuild

    @property
    def max_connections(self) -> int:
        """What the parameter group sets, and alarms are measured by."""
        memory = INSTANCE_CLASS_MEMORY[self.instance_class]
        return min(memory * CONNECTIONS_PER_GIB, MAX_CONNECTIONS)

    @property
    def major_version(self) -> str:
        """What the parameter group's family must fit."""
        return self.engine_version.partition(".")[0]

    @property
    def url_version(self) -> int:
        """Of `database-url`: a new generation has a new password too."""
        return self.generation * 1000 + self.password_version
