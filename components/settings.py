"""Typed configuration of a stack.

What is the same everywhere is the default of its field, what differs between environments
stands in `ENVIRONMENT_DEFAULTS`, and a stack file holds only what differs from both. A further
environment is one more stack file: `parse_settings` gives it production's defaults.

To add a component's settings: a `Section` subclass, a field of `StackSettings`, its differences
in `ENVIRONMENT_DEFAULTS` and its key in `Pulumi.yaml`.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Literal, NoReturn, get_args

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from components.naming import PROJECT

# CloudWatch Logs, PutRetentionPolicy: every other number of days is refused.
LOG_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# EC2, CreateVpc and CreateSubnet: the block of either is between these sizes.
LARGEST_PREFIX: Final = 16
SMALLEST_PREFIX: Final = 28

# Application Load Balancers user guide, "Subnets for your load balancer".
LOAD_BALANCER_PREFIX: Final = 27

_BURSTABLE_SIZES: Final = ("micro", "small", "medium", "large", "xlarge", "2xlarge")
_FIXED_SIZES: Final = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_FIXED_GIB: Final = (8, 16, 32, 64, 128, 192, 256)

# RDS user guide, "Hardware specifications for DB instance classes": GiB of memory of the classes
# that run PostgreSQL 15. Each size has the same in every family of one letter.
INSTANCE_CLASS_MEMORY: Final[Mapping[str, int]] = {
    **{
        f"db.{family}.{size}": 2**step
        for family in ("t3", "t4g")
        for step, size in enumerate(_BURSTABLE_SIZES)
    },
    **{
        f"db.{letter}{generation}.{size}": gib * share
        for letter, share in (("m", 1), ("r", 2))
        for generation in ("6g", "6i", "7g")
        for size, gib in zip(_FIXED_SIZES, _FIXED_GIB, strict=True)
    },
}

# RDS computes one connection for each 9,531,392 bytes, 112 a GiB, at most 5,000, and of a figure
# that it does not publish. An explicit one is known to alarms; somewhat fewer leave memory.
CONNECTIONS_PER_GIB: Final = 100
MAX_CONNECTIONS: Final = 5000

# RDS user guide, "Release calendars for Amazon RDS for PostgreSQL": minor versions before these
# are deprecated, and no instance is created with them. (15.1 never existed on RDS.)
FIRST_CREATABLE_MINOR: Final[Mapping[int, int]] = {15: 13}

# ElastiCache user guide, "Supported node types", those that take snapshots and Redis 7.
CACHE_NODE_TYPES: Final = (
    *(f"cache.{family}.{size}" for family in ("t3", "t4g") for size in _BURSTABLE_SIZES[:3]),
    *(f"cache.{family}.{size}" for family in ("m6g", "m7g", "r6g", "r7g") for size in _FIXED_SIZES),
)

# What else backs the database up, in minutes of the UTC day. RDS refuses or delays a snapshot
# while its own window or maintenance runs. 02:00 and 04:00 in Australia/Brisbane, which is UTC+10
# all year: docs/architecture.md.
OTHER_BACKUPS: Final[Mapping[str, int]] = {
    "the snapshot export": 16 * 60,
    "AWS Backup": 18 * 60,
}
OTHER_BACKUPS_DISTANCE: Final = 120

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# An unknown environment may hold real data, so it starts from the careful defaults.
FALLBACK_ENVIRONMENT: Final = "production"

ENVIRONMENT_DEFAULTS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "staging": {
        "network": {
            # A gateway is paid by the hour, and staging may lose its way out with one zone.
            "nat_strategy": "Single",
            # Paid by the hour, endpoint and zone; staging's traffic goes through the NAT gateway.
            "interface_endpoints": False,
            # As the API's logs: deployment documentation, "Log Groups".
            "flow_log_retention_days": 30,
        },
        "database": {
            # Deployment documentation, "Database Setup".
            "instance_class": "db.t3.micro",
            "multi_az": False,
            "deletion_protection": False,
            "backup_retention_days": 7,
            "max_allocated_storage_gib": 100,
            "log_retention_days": 30,
        },
        "cache": {
            # Staging may start with an empty cache after a failure.
            "node_type": "cache.t4g.micro",
            "nodes": 1,
            "multi_az": False,
            "snapshot_retention_days": 1,
            "log_retention_days": 30,
        },
    },
    "production": {
        "network": {
            "nat_strategy": "OnePerAz",
            "interface_endpoints": True,
            "flow_log_retention_days": 365,
        },
        "database": {
            # Deployment documentation, "Database Setup" and "High Availability Configuration".
            "instance_class": "db.r6g.large",
            "multi_az": True,
            "deletion_protection": True,
            "backup_retention_days": 30,
            "max_allocated_storage_gib": 1000,
            "log_retention_days": 365,
        },
        "cache": {
            # The smallest whose performance does not depend on credits.
            "node_type": "cache.m6g.large",
            "nodes": 2,
            "multi_az": True,
            "snapshot_retention_days": 7,
            "log_retention_days": 365,
        },
    },
}


class SettingsError(pulumi.RunError):
    """Every problem of a stack's configuration; pulumi prints the message without a traceback."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{len(problems)} configuration {noun}:{lines}")


@dataclass(frozen=True)
class _Problem:
    """One wrong value.

    `allowed` never contains configured values; `hint` may, and is left out for secrets.
    `index` names the wrong item of a list.
    """

    allowed: str
    hint: str = ""
    index: int | None = None


def _reject(*problems: _Problem) -> NoReturn:
    """Reject the field under validation; a validator can raise only once, hence the bundle."""
    raise PydanticCustomError("setting", "rejected", {"problems": problems})


def _parse_network(value: object) -> IPv4Network:
    allowed = (
        f"an IPv4 network between /{LARGEST_PREFIX} and /{SMALLEST_PREFIX}, such as 10.0.0.0/16"
    )
    if isinstance(value, IPv4Network):
        network = value
    else:
        # A bare number is an address to ipaddress, and a mistake in a stack file.
        if not isinstance(value, str) or "/" not in value:
            _reject(_Problem(allowed))
        try:
            network = IPv4Network(value, strict=False)
        except ValueError:
            _reject(_Problem(allowed))
        if str(network) != value:
            _reject(_Problem(allowed, f"did you mean {network}?"))
    if not LARGEST_PREFIX <= network.prefixlen <= SMALLEST_PREFIX:
        _reject(_Problem(allowed))
    return network


def _check_retention(days: int) -> int:
    if days not in LOG_RETENTION_DAYS:
        following = next((allowed for allowed in LOG_RETENTION_DAYS if allowed > days), None)
        hint = f"the next longer one is {following}" if following else "3653 is the longest"
        if days == 7 * 365:
            hint = "seven years are 2557 days, with the leap days"
        listed = ", ".join(str(allowed) for allowed in LOG_RETENTION_DAYS)
        _reject(_Problem(f"one of CloudWatch's {listed}", hint))
    return days


def _parse_account_id(value: object) -> str:
    # Unquoted ids arrive as numbers. A number of twelve digits cannot have lost a leading zero.
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{12}", text):
        _reject(_Problem("an account id of 12 digits, in quotes"))
    return text


def _check_zone(letter: object) -> object:
    # Every account sees at least the zones a to c of a region; f is the last letter in use.
    if letter not in tuple("abcdef"):
        _reject(_Problem("a zone's letter, a to f"))
    return letter


def _check_instance_class(name: str) -> str:
    if name not in INSTANCE_CLASS_MEMORY:
        close = difflib.get_close_matches(name, INSTANCE_CLASS_MEMORY, n=1)
        _reject(
            _Problem(
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
        _reject(_Problem(f'a PostgreSQL version of major {majors}, in quotes, such as "15"'))
    if minor is not None and int(minor) < first:
        _reject(
            _Problem(
                f'"{major}", which takes the newest minor version, or {major}.{first} and newer',
                f"AWS deprecated the versions before {major}.{first} and creates no instance "
                "with them",
            )
        )
    return version


def _check_node_type(name: str) -> str:
    if name not in CACHE_NODE_TYPES:
        close = difflib.get_close_matches(name, CACHE_NODE_TYPES, n=1)
        _reject(
            _Problem(
                "a node type that runs Redis 7: cache.t3 or cache.t4g from micro to medium, "
                "cache.m6g, cache.m7g, cache.r6g or cache.r7g from large to 16xlarge",
                f"did you mean {close[0]}?" if close else "",
            )
        )
    return name


def _minutes(window: str) -> frozenset[int]:
    """The minutes of the week that a window covers; none where it is no window at all.

    `HH:MM-HH:MM` is every day, `ddd:HH:MM-ddd:HH:MM` once a week.
    """
    time = r"([01]\d|2[0-3]):([0-5]\d)"
    day = f"({'|'.join(_WEEKDAYS)}):"
    if match := re.fullmatch(f"{time}-{time}", window):
        numbers = [int(group) for group in match.groups()]
        start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        starts, length = range(start, start + _WEEK, _DAY), (end - start) % _DAY
    elif match := re.fullmatch(f"{day}{time}-{day}{time}", window):
        start, end = (
            _WEEKDAYS.index(match[group]) * _DAY
            + int(match[group + 1]) * 60
            + int(match[group + 2])
            for group in (1, 4)
        )
        starts, length = range(start, start + 1), (end - start) % _WEEK
    else:
        return frozenset()
    return frozenset(minute % _WEEK for first in starts for minute in range(first, first + length))


def _check_window(window: str, least: int, weekly: bool) -> None:
    """Reject what the service takes for no window."""
    covered = len(_minutes(window)) // (1 if weekly else 7)
    if weekly != window[:1].isalpha() or not least <= covered < _DAY:
        kind, example = ("weekly", "sat:20:30-sat:21:30") if weekly else ("daily", "12:30-13:30")
        _reject(_Problem(f"a {kind} window of at least {least} minutes in UTC, such as {example}"))


def _check_distance(window: str) -> None:
    """Reject a window that comes too close to what else backs the database up."""
    for what, at in OTHER_BACKUPS.items():
        apart = min(
            min((minute - at) % _DAY, (at - minute - 1) % _DAY) for minute in _minutes(window)
        )
        if apart < OTHER_BACKUPS_DISTANCE:
            _reject(
                _Problem(
                    f"{OTHER_BACKUPS_DISTANCE // 60} hours apart from all other backups",
                    f"{what} starts at {at // 60}:00 UTC",
                )
            )


def _check_overlap(window: str, other: object) -> None:
    """Reject a window that overlaps the other one; a wrong one is not known here."""
    if isinstance(other, str) and _minutes(window) & _minutes(other):
        _reject(_Problem("a window that does not overlap the backups'", other))


def _secret_of(pattern: str) -> AfterValidator:
    """A secret's format. The field's description says what is allowed."""

    def check(secret: SecretStr) -> SecretStr:
        if not re.fullmatch(pattern, secret.get_secret_value()):
            raise ValueError
        return secret

    return AfterValidator(check)


class Section(BaseModel):
    """Base of every section; a field's description says what is allowed and is shown to users."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Cidr = Annotated[IPv4Network, BeforeValidator(_parse_network)]
LogRetentionDays = Annotated[StrictInt, AfterValidator(_check_retention)]
Version = Annotated[StrictInt, Field(ge=1, le=999)]
AccountId = Annotated[str, BeforeValidator(_parse_account_id)]
ZoneLetter = Annotated[str, BeforeValidator(_check_zone)]


class NatStrategy(StrEnum):
    """How private subnets reach the internet; the values are those of `awsx.ec2.Vpc`."""

    NONE = "None"
    SINGLE = "Single"
    ONE_PER_AZ = "OnePerAz"


class StackSection(Section):
    """Where the stack is deployed, and for whom."""

    # Part of names; with 16 characters the longest auto-name of a role stays below IAM's 64.
    environment: Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])+$", max_length=16)] = Field(
        description="2 to 16 lower-case letters, digits and single hyphens, a letter first "
        "(without this setting it is the stack's name)"
    )
    # Deployment documentation, "AWS Account Setup". Service names and ARNs are those of the
    # commercial partition.
    region: Annotated[
        str, Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-(north|south|east|west|central)+-\d$")
    ] = Field(
        default="ap-southeast-2", description="a commercial AWS region, such as ap-southeast-2"
    )
    # Empty means whatever account the credentials belong to.
    allowed_account_ids: tuple[AccountId, ...] = Field(
        default=(), description="a list of account ids, each of 12 digits in quotes"
    )
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.:/=+@-]+$", max_length=256)] = Field(
        default="platform",
        description="a tag value: 1 to 256 letters, digits, spaces and _ . : / = + - @",
    )


class NetworkSettings(Section):
    """The VPC. The blocks are those of the deployment documentation, "CloudFormation Templates"."""

    vpc_cidr: Cidr = Field(
        default=IPv4Network("10.0.0.0/16"), description="an IPv4 network, such as 10.0.0.0/16"
    )
    # Letters, so that another region needs no other zones. RDS and the load balancer need two.
    availability_zones: tuple[ZoneLetter, ...] = Field(
        default=("a", "b"),
        description="a list of at least two different zone letters, a to f",
    )
    public_subnets: tuple[Cidr, ...] = Field(
        default=(IPv4Network("10.0.1.0/24"), IPv4Network("10.0.2.0/24")),
        description="a list of IPv4 networks inside vpc_cidr, one per availability zone",
        validate_default=True,
    )
    private_subnets: tuple[Cidr, ...] = Field(
        default=(IPv4Network("10.0.10.0/24"), IPv4Network("10.0.20.0/24")),
        description="a list of IPv4 networks inside vpc_cidr, one per availability zone",
        validate_default=True,
    )
    nat_strategy: NatStrategy = Field(description="None, Single or OnePerAz")
    interface_endpoints: StrictBool = Field(
        description="true or false; true where nat_strategy is None"
    )
    flow_log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )

    @field_validator("availability_zones")
    @classmethod
    def _zones_differ(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        if len(zones) < 2 or len(set(zones)) != len(zones):
            _reject(_Problem("at least two different zone letters, such as [a, b]"))
        return zones

    @field_validator("public_subnets", "private_subnets")
    @classmethod
    def _subnets_fit(
        cls, subnets: tuple[IPv4Network, ...], info: ValidationInfo
    ) -> tuple[IPv4Network, ...]:
        # info.data holds only the fields above that are right in every respect. The public subnets
        # travel in the context too, so that one that is rejected still shows what overlaps it.
        parsed = info.context if isinstance(info.context, dict) else info.data
        parsed[str(info.field_name)] = subnets
        problems: list[_Problem] = []
        zones = info.data.get("availability_zones")
        if zones is not None and len(subnets) != len(zones):
            problems.append(
                _Problem(
                    "one subnet per availability zone",
                    f"subnets: {len(subnets)}, zones: {len(zones)}",
                )
            )
        vpc = info.data.get("vpc_cidr")
        public = parsed.get("public_subnets", ())
        earlier = [] if info.field_name == "public_subnets" else list(public)
        for index, subnet in enumerate(subnets):
            if vpc is not None and not subnet.subnet_of(vpc):
                problems.append(_Problem("a network inside vpc_cidr", str(vpc), index))
            if info.field_name == "public_subnets" and subnet.prefixlen > LOAD_BALANCER_PREFIX:
                problems.append(
                    _Problem(
                        f"at least a /{LOAD_BALANCER_PREFIX}, for the load balancer", index=index
                    )
                )
            clash = next((other for other in earlier if other.overlaps(subnet)), None)
            if clash is not None:
                problems.append(
                    _Problem(
                        "a network that overlaps no other subnet", f"it overlaps {clash}", index
                    )
                )
            earlier.append(subnet)
        if problems:
            _reject(*problems)
        return subnets

    @field_validator("interface_endpoints")
    @classmethod
    def _tasks_reach_aws(cls, enabled: bool, info: ValidationInfo) -> bool:
        # Without either no task could pull its image or read its secrets.
        if not enabled and info.data.get("nat_strategy") is NatStrategy.NONE:
            _reject(_Problem("true where nat_strategy is None"))
        return enabled


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
    # Read when the instance is created, and never again: see `Database`.
    snapshot_identifier: (
        Annotated[str, Field(pattern=r"^[A-Za-z](-?[A-Za-z0-9:])*$", max_length=255)] | None
    ) = Field(
        default=None, description="the name of a database snapshot that a new instance starts from"
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
            _reject(
                _Problem(f"at least {least}, a tenth above allocated_storage_gib", str(allocated))
            )
        return limit

    @field_validator("backup_window")
    @classmethod
    def _backups_are_apart(cls, window: str) -> str:
        _check_window(window, least=30, weekly=False)
        _check_distance(window)
        return window

    @field_validator("maintenance_window")
    @classmethod
    def _maintenance_is_apart(cls, window: str, info: ValidationInfo) -> str:
        _check_window(window, least=30, weekly=True)
        _check_distance(window)
        _check_overlap(window, info.data.get("backup_window"))
        return window

    @field_validator("insights_retention_days")
    @classmethod
    def _insights_are_kept(cls, days: int, info: ValidationInfo) -> int:
        if days not in {7, 731, *range(31, 731, 31)}:
            _reject(_Problem("7, 731 or a multiple of 31 up to 713 days"))
        if info.data.get("insights_mode") == "advanced" and days < 465:
            _reject(_Problem("at least 465 where insights_mode is advanced"))
        return days

    @field_validator("username")
    @classmethod
    def _username_is_not_reserved(cls, name: str) -> str:
        if name in {"postgres", "admin", "root", "user"} or name.startswith(("rds", "pg")):
            raise ValueError
        return name

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


class CacheSettings(Section):
    """The Redis replication group."""

    node_type: Annotated[str, AfterValidator(_check_node_type)] = Field(
        description="a node type in quotes, such as cache.t4g.micro"
    )
    # ElastiCache, CreateReplicationGroup: one primary and at most five replicas.
    nodes: Annotated[StrictInt, Field(ge=1, le=6)] = Field(
        description="a number of nodes from 1 to 6"
    )
    multi_az: StrictBool = Field(description="true or false")
    # ElastiCache, CreateReplicationGroup: 0 would turn snapshots off, 35 is the most.
    snapshot_retention_days: Annotated[StrictInt, Field(ge=1, le=35)] = Field(
        description="a number of days from 1 to 35: ElastiCache keeps automatic snapshots no "
        "longer, and 0 would turn them off"
    )
    snapshot_window: str = Field(
        default="13:30-14:30", description="a daily window in UTC, such as 13:30-14:30"
    )
    # An hour after the database's, so that the API meets one restart at a time.
    maintenance_window: str = Field(
        default="sat:22:30-sat:23:30",
        description="a weekly window in UTC, such as sat:22:30-sat:23:30",
        validate_default=True,
    )
    log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )
    # As the database's.
    generation: Version = Field(default=1, description="a number from 1 to 999, raised by one")
    # Of the token in both the replication group and redis-url: raising it writes both again.
    auth_token_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )

    @field_validator("multi_az")
    @classmethod
    def _failover_has_a_target(cls, multi_az: bool, info: ValidationInfo) -> bool:
        if multi_az and info.data.get("nodes") == 1:
            _reject(
                _Problem(
                    "false where nodes is 1",
                    "Multi-AZ needs automatic failover, and that a replica: at least 2 nodes",
                )
            )
        return multi_az

    @field_validator("snapshot_window")
    @classmethod
    def _snapshots_have_time(cls, window: str) -> str:
        _check_window(window, least=60, weekly=False)
        return window

    @field_validator("maintenance_window")
    @classmethod
    def _maintenance_is_apart(cls, window: str, info: ValidationInfo) -> str:
        _check_window(window, least=60, weekly=True)
        _check_overlap(window, info.data.get("snapshot_window"))
        return window

    @property
    def url_version(self) -> int:
        """Of `redis-url`: a new generation has a new token too."""
        return self.generation * 1000 + self.auth_token_version


class ParametersSettings(Section):
    """Versions of the secrets that only the API knows: raising one writes it again."""

    jwt_secret_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )
    refresh_token_secret_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )
    stripe_secret_key_version: Version = Field(
        default=1, description="a number from 1 to 999, raised by one"
    )


class SecretSettings(Section):
    """First values of secrets; each is encrypted in the stack file, and shown nowhere."""

    # RDS, CreateDBInstance, MasterUserPassword. The 94 printable characters without / " and @.
    database_password: Annotated[SecretStr, _secret_of(r"""[!#-.0-?A-~]{8,128}""")] = Field(
        description='8 to 128 printable ASCII characters without / " @ and spaces: RDS refuses '
        "these"
    )
    # ElastiCache user guide, "Authenticating with the AUTH command".
    redis_auth_token: Annotated[SecretStr, _secret_of(r"[A-Za-z0-9!&#$^<>-]{16,128}")] = Field(
        description="16 to 128 letters, digits and ! & # $ ^ < > -: ElastiCache refuses the others"
    )
    # RFC 7518, 3.2: a key of HS256 has at least 256 bits. Standard parameters hold 4 KB.
    jwt_secret: Annotated[SecretStr, _secret_of(r"[!-~]{32,4096}")] = Field(
        description="32 to 4096 printable ASCII characters without spaces"
    )
    refresh_token_secret: Annotated[SecretStr, _secret_of(r"[!-~]{32,4096}")] = Field(
        description="32 to 4096 printable ASCII characters without spaces"
    )
    stripe_secret_key: Annotated[
        SecretStr, _secret_of(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,240}")
    ] = Field(description="a Stripe key that begins with sk_test_, sk_live_, rk_test_ or rk_live_")

    @field_validator("refresh_token_secret")
    @classmethod
    def _tokens_are_not_interchangeable(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if secret == info.data.get("jwt_secret"):
            _reject(
                _Problem("another one than jwt_secret, or one kind of token passes as the other")
            )
        return secret


class StackSettings(Section):
    """Everything that one stack can be told."""

    stack: StackSection
    network: NetworkSettings
    database: DatabaseSettings
    cache: CacheSettings
    parameters: ParametersSettings = ParametersSettings()
    secrets: SecretSettings

    @property
    def environment(self) -> str:
        """The environment: the stack's name unless a setting says otherwise."""
        return self.stack.environment


def secret_output(secret: SecretStr) -> pulumi.Output[str]:
    """A secret as resources take it: encrypted in the state, and hidden by the engine."""
    return pulumi.Output.secret(secret.get_secret_value())


def load_settings() -> StackSettings:
    """Read the running stack's configuration; raise `SettingsError` with every problem."""
    config = pulumi.Config(PROJECT)
    start = f"{PROJECT}:"
    # The engine hands over each key of the stack file, also those the program does not know.
    keys = {*runtime_config.CONFIG.get(), *runtime_config.get_config_env()}
    values = {
        key.removeprefix(start): _decode(config.get(key.removeprefix(start)))
        for key in keys
        if key.startswith(start)
    }
    # One secret inside an object makes its whole key secret, so its whole section is redacted.
    secrets = {name for name in values if runtime_config.is_config_secret(start + name)} | {
        key.removeprefix(start) for key in runtime_config.get_config_secret_keys_env()
    }
    return parse_settings(pulumi.get_stack(), values, secrets)


def parse_settings(
    stack: str, values: Mapping[str, Any], secrets: Collection[str] = ()
) -> StackSettings:
    """Check `values`, a mapping per section, over the defaults of the stack's environment.

    `secrets` names the sections that are encrypted in the stack file; their values are not shown.
    """
    problems = [
        f"{PROJECT}:{name}: unknown key{_did_you_mean(name)}; "
        f"allowed: {', '.join(StackSettings.model_fields)}"
        for name in sorted(values.keys() - StackSettings.model_fields.keys())
    ]
    # A key without anything below it is null in YAML, and means no differences.
    given = {
        name: values[name] for name in StackSettings.model_fields if values.get(name) is not None
    }
    clear = given.get("secrets")
    if isinstance(clear, Mapping) and "secrets" not in secrets:
        problems.extend(
            f"{_key(('secrets', name))}: is not encrypted, so others may have read it; set "
            f"another with: {_set_secret(stack, name)}"
            for name in SecretSettings.model_fields
            if name in clear
        )
    hidden = {*secrets, "secrets"}
    merged = merge(_defaults(stack, given), given)
    errors: list[ErrorDetails] = []
    try:
        settings = StackSettings.model_validate(merged, context={})
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
    # Raised outside the handler: the pydantic error holds the values and must not travel along.
    for error in errors:
        problems.extend(_describe(error, stack, hidden=str(error["loc"][0]) in hidden))
    if problems:
        raise SettingsError(problems)
    return settings


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `changes` over `base`: mappings key by key, everything else (lists too) as a whole."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return result


def _defaults(stack: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of the environment that `given` or else the stack's name stands for."""
    section = given.get("stack")
    environment = section.get("environment", stack) if isinstance(section, Mapping) else stack
    fallback = ENVIRONMENT_DEFAULTS[FALLBACK_ENVIRONMENT]
    base = (
        ENVIRONMENT_DEFAULTS.get(environment, fallback)
        if isinstance(environment, str)
        else fallback
    )
    return merge(base, {"stack": {"environment": stack}, "secrets": {}})


def _decode(raw: str | None) -> object:
    """Objects and lists arrive as JSON; what is neither is kept as the text that it is."""
    try:
        return json.loads(raw or "null")
    except ValueError:
        return raw


def _set_secret(stack: str, name: str) -> str:
    """The command that sets a secret; without a value Pulumi asks for it, and does not show it."""
    value = "" if name == "stripe_secret_key" else ' "$(openssl rand -hex 32)"'
    return f"pulumi config set --stack {stack} --secret --path '{_key(('secrets', name))}'{value}"


def _describe(error: ErrorDetails, stack: str, hidden: bool) -> Iterable[str]:
    """One line for each problem that a pydantic error stands for."""
    path = error["loc"]
    if error["type"] == "missing" and path[0] == "secrets":
        yield f"{_key(path)}: missing; set it with: {_set_secret(stack, str(path[-1]))}"
        return
    if error["type"] == "extra_forbidden":
        owner = _field_model(path[:-1])
        allowed = list(owner.model_fields) if owner else []
        close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        suggestion = f" (did you mean {close[0]}?)" if close else ""
        yield f"{_key(path)}: unknown key{suggestion}; allowed: {', '.join(allowed)}"
        return
    problems = error.get("ctx", {}).get("problems", (_Problem(_allowed(path)),))
    for problem in problems:
        value, where = error["input"], path
        if problem.index is not None:
            value, where = value[problem.index], (*path, problem.index)
        shown = "[secret]" if hidden else _show(value)
        hint = f" ({problem.hint})" if problem.hint and not hidden else ""
        yield f"{_key(where)} = {shown}: must be {problem.allowed}{hint}"


def _field_model(path: Sequence[int | str]) -> type[BaseModel] | None:
    """The section that `path` leads to."""
    model: type[BaseModel] = StackSettings
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        below = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            return None
        model = below[0]
    return model


def _allowed(path: Sequence[int | str]) -> str:
    """What the innermost field on `path` says about itself."""
    for end in range(len(path), 0, -1):
        owner = _field_model(path[: end - 1])
        field = owner.model_fields.get(str(path[end - 1])) if owner else None
        if field is not None:
            return field.description or "a mapping"
    return "a mapping"


def _key(path: Sequence[int | str]) -> str:
    """The path as `pulumi config set --path` takes it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"{PROJECT}:{text.removeprefix('.')}"


def _show(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _did_you_mean(name: str) -> str:
    """A suggestion for an unknown top-level key, also when its section was left out."""
    keys = {section: section for section in StackSettings.model_fields}
    for section in StackSettings.model_fields:
        model = _field_model([section])
        keys |= {field: f"{section}.{field}" for field in (model.model_fields if model else ())}
    close = difflib.get_close_matches(name, keys, n=1)
    return f" (did you mean {PROJECT}:{keys[close[0]]}?)" if close else ""
