"""Settings of the services: the API, and whatever runs beside it."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)

from components.settings.cluster import CapacitySettings
from components.settings.fields import LogRetentionDays, Problem, Section, reject

# The service that every stack has.
API: Final = "api"

# ECS developer guide, "Task size": MiB of memory by CPU units on Fargate.
FARGATE_MEMORY: Final[Mapping[int, tuple[int, ...]]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
    32768: (61440, 122880, 249856),
}

# Elastic Load Balancing, quotas: a rule compares at most five values. A test rule needs one for
# its header.
LARGEST_CONDITIONS: Final = 4

# What the task definition sets itself.
OWN_VARIABLES: Final = ("NODE_ENV", "PORT")

_SECRET_NAME: Final = re.compile(
    r"SECRET|PASSPHRASE|CREDENTIAL|PRIVATE|^(DATABASE|REDIS)_URL$"
    r"|(PASSWORD|PASSWD|PWD|TOKEN|DSN|(^|_|API|ACCESS)(?<!PUBLIC_)(?<!PUBLISHABLE_)KEY)S?$"
)
# A URL with a password; keys of AWS and Stripe; PEM; JSON Web Tokens.
_SECRET_VALUE: Final = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|\b(AKIA|ASIA)[A-Z0-9]{16}\b|\b[rs]k_(live|test)_|-----BEGIN|\beyJ[\w-]+\."
)
_VARIABLE: Final = r"[A-Z][A-Z0-9_]{0,127}"


def _check_variable(name: str) -> str:
    if not re.fullmatch(_VARIABLE, name):
        reject(Problem("a variable's name in capitals, such as LOG_LEVEL"))
    if name in OWN_VARIABLES:
        reject(Problem(f"another name than {' and '.join(OWN_VARIABLES)}, which the platform sets"))
    return name


def _check_clear_variable(name: str) -> str:
    if _SECRET_NAME.search(_check_variable(name)):
        reject(
            Problem(
                "the name of something that everyone may read",
                "put the value into Parameter Store and name the parameter under secrets",
            )
        )
    return name


def _check_clear_value(value: str) -> str:
    if _SECRET_VALUE.search(value):
        reject(
            Problem(
                "a value without a password, key or token: those belong into Parameter Store, and "
                "under secrets",
                hidden=True,
            )
        )
    return value


def _check_cron(fields: str) -> str:
    parts = fields.split(" ")
    if (
        len(parts) != 6
        or not all(re.fullmatch(r"[0-9A-Z*?,/#L-]+", part) for part in parts)
        or (parts[2] == "?") == (parts[4] == "?")
    ):
        reject(
            Problem(
                "six fields (minute, hour, day of month, month, day of week, year), of whose two "
                "days one is ?, such as 0 8 ? * MON-FRI *"
            )
        )
    return fields


ServiceName = Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=18)]
SecretVariable = Annotated[str, AfterValidator(_check_variable)]
ClearVariable = Annotated[str, AfterValidator(_check_clear_variable)]
ClearValue = Annotated[str, AfterValidator(_check_clear_value)]
ParameterLabel = Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9])*$")]
Label = Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=32)]
# Elastic Load Balancing, "Path conditions" and "Host conditions".
PathPattern = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_.$/~\"'@:+&()!,;=*?-]{0,127}$")]
HostPattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9.*?-]{1,128}$")]


class HttpSettings(Section):
    """How requests reach a service. A service without this section is a worker."""

    order: Annotated[StrictInt, Field(ge=1, le=400)] = Field(
        description="a number from 1 to 400 that no other service has; of two services that match "
        "a request, the one with the lower number answers"
    )
    paths: tuple[PathPattern, ...] = Field(
        default=("/*",), description="a list of paths, such as [/reports/*], with * and ?"
    )
    hosts: tuple[HostPattern, ...] = Field(
        default=(),
        description="a list of hosts, such as [reports.aussie-markets.com], with * and ?; empty "
        "for all",
    )
    # Deployment documentation, "Staging Deployment".
    health_path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./-]{0,127}$")] = Field(
        default="/health", description="a path without wildcards, such as /health"
    )
    # A task that is still starting is not stopped because of failing health checks.
    health_grace_seconds: Annotated[StrictInt, Field(ge=0, le=1800)] = Field(
        default=60, description="a number of seconds from 0 to 1800"
    )

    @field_validator("paths")
    @classmethod
    def _some_path_matches(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        if not paths:
            reject(Problem("at least one path, such as [/*]"))
        return paths

    @field_validator("hosts")
    @classmethod
    def _one_rule_is_enough(cls, hosts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        paths = info.data.get("paths", ())
        if len(paths) + len(hosts) > LARGEST_CONDITIONS:
            reject(
                Problem(
                    f"at most {LARGEST_CONDITIONS} hosts and paths together", f"paths: {len(paths)}"
                )
            )
        return hosts


class DeploymentStrategy(StrEnum):
    """How a new version takes over."""

    ROLLING = "rolling"
    BLUE_GREEN = "blue_green"


class DeploymentSettings(Section):
    """How a new version takes over."""

    strategy: DeploymentStrategy = Field(
        default=DeploymentStrategy.ROLLING, description="rolling or blue_green"
    )
    # ECS, DeploymentConfiguration. Long enough for three periods of the rollback alarms.
    bake_minutes: Annotated[StrictInt, Field(ge=3, le=1440)] = Field(
        default=10,
        description="a number of minutes from 3 to 1440 in which a rollback alarm brings the "
        "previous version back (blue_green only)",
    )


class ScheduledScalingSettings(Section):
    """Other bounds from a time on."""

    cron: Annotated[str, AfterValidator(_check_cron)] = Field(
        description="six fields, such as 0 8 ? * MON-FRI *"
    )
    time_zone: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)*$")] = Field(
        default="Australia/Brisbane", description="a time zone, such as Australia/Brisbane"
    )
    min_tasks: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        description="a number of tasks from 0 to 1000"
    )
    max_tasks: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        description="a number of tasks from min_tasks to 1000"
    )

    @field_validator("max_tasks")
    @classmethod
    def _bounds_are_in_order(cls, most: int, info: ValidationInfo) -> int:
        return _check_bounds(most, info)


class ScalingSettings(Section):
    """How many tasks run."""

    autoscaling: StrictBool = Field(
        default=True, description="true or false (always min_tasks run)"
    )
    # One task is one zone.
    min_tasks: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        default=2, description="a number of tasks from 0 to 1000"
    )
    max_tasks: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        default=4, description="a number of tasks from min_tasks to 1000"
    )
    # Deployment documentation, "ECS Auto Scaling".
    cpu_percent: Annotated[StrictInt, Field(ge=10, le=90)] = Field(
        default=70, description="a percentage from 10 to 90"
    )
    # Node.js keeps memory that it once had, so this target is higher than the CPU's.
    memory_percent: Annotated[StrictInt, Field(ge=10, le=90)] = Field(
        default=80, description="a percentage from 10 to 90"
    )
    cooldown_seconds: Annotated[StrictInt, Field(ge=0, le=3600)] = Field(
        default=300, description="a number of seconds from 0 to 3600"
    )
    schedule: dict[Label, ScheduledScalingSettings] = Field(
        default={},
        description="a mapping of names to cron, time_zone, min_tasks and max_tasks; without "
        "autoscaling it must be empty",
    )

    @field_validator("max_tasks")
    @classmethod
    def _bounds_are_in_order(cls, most: int, info: ValidationInfo) -> int:
        return _check_bounds(most, info)

    @field_validator("schedule")
    @classmethod
    def _something_scales(
        cls, schedule: dict[str, ScheduledScalingSettings], info: ValidationInfo
    ) -> dict[str, ScheduledScalingSettings]:
        if schedule and info.data.get("autoscaling") is False:
            reject(Problem("empty where autoscaling is false"))
        return schedule


class ServiceSettings(Section):
    """One ECS service. What only the API has is in `environments.py`."""

    # Deployment documentation, "ECS Cluster Configuration": the smaller of its two sizes.
    cpu: StrictInt = Field(
        default=256, description=f"one of Fargate's {', '.join(map(str, FARGATE_MEMORY))}"
    )
    memory_mib: StrictInt = Field(default=512, description="MiB that Fargate has for cpu")
    architecture: Annotated[str, Field(pattern=r"^(X86_64|ARM64)$")] = Field(
        default="X86_64", description="X86_64 or ARM64"
    )
    # The user `node` of the official Node.js images.
    user: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(:[1-9][0-9]{0,5})?$")] = Field(
        default="1000:1000", description="a user id, or user and group id, in quotes and not root's"
    )
    release: ServiceName | None = Field(
        default=None,
        description="the service whose released image this one runs too (its own without this)",
    )
    command: tuple[str, ...] = Field(
        default=(), description="a list of words that replaces the image's command"
    )
    health_command: tuple[str, ...] = Field(
        default=(),
        description="a list of words, run inside the container, that fails where it is not healthy",
    )
    environment: dict[ClearVariable, ClearValue] = Field(
        default={}, description="a mapping of variables to texts, nothing secret among them"
    )
    secrets: dict[SecretVariable, ParameterLabel] = Field(
        default={},
        description="a mapping of variables to the last part of a parameter's name, such as "
        "DATABASE_URL: database-url",
        validate_default=True,
    )
    http: HttpSettings | None = Field(
        default=None,
        description="a mapping with order, paths, hosts, health_path and health_grace_seconds, or "
        "nothing for a worker",
    )
    deployment: DeploymentSettings = Field(
        default=DeploymentSettings(), description="a mapping with strategy and bake_minutes"
    )
    capacity: CapacitySettings | None = Field(
        default=None,
        description="a mapping with base, fargate_weight and spot_weight (the cluster's without "
        "this)",
    )
    scaling: ScalingSettings = Field(
        default=ScalingSettings(),
        description="a mapping with autoscaling, min_tasks, max_tasks, cpu_percent, "
        "memory_percent, cooldown_seconds and schedule",
    )
    # Longer than a request may be idle. With the 30 s of deregistration before it, it still fits
    # into the two minutes that a spot task has left.
    stop_timeout_seconds: Annotated[StrictInt, Field(ge=2, le=120)] = Field(
        default=60, description="a number of seconds from 2 to 120"
    )
    log_retention_days: LogRetentionDays = Field(
        default=365, description="a number of days that CloudWatch accepts"
    )

    @field_validator("cpu")
    @classmethod
    def _fargate_has_this_cpu(cls, cpu: int) -> int:
        if cpu not in FARGATE_MEMORY:
            raise ValueError
        return cpu

    @field_validator("memory_mib")
    @classmethod
    def _fargate_has_this_pair(cls, memory: int, info: ValidationInfo) -> int:
        cpu = info.data.get("cpu")
        if cpu is not None and memory not in FARGATE_MEMORY[cpu]:
            allowed = ", ".join(map(str, FARGATE_MEMORY[cpu]))
            reject(Problem(f"one of the MiB that Fargate has for cpu {cpu}: {allowed}"))
        return memory

    @field_validator("secrets")
    @classmethod
    def _no_variable_twice(cls, secrets: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        twice = sorted(secrets.keys() & info.data.get("environment", {}).keys())
        if twice:
            reject(Problem("variables that environment does not have", ", ".join(twice)))
        return secrets

    @field_validator("deployment")
    @classmethod
    def _traffic_can_shift(
        cls, deployment: DeploymentSettings, info: ValidationInfo
    ) -> DeploymentSettings:
        blue_green = deployment.strategy is DeploymentStrategy.BLUE_GREEN
        if blue_green and "http" in info.data and info.data["http"] is None:
            reject(Problem("rolling where there is no http section", index="strategy"))
        return deployment


def check_services(services: Mapping[str, ServiceSettings]) -> None:
    """Reject services that do not go together."""
    problems = []
    if API not in services or services[API].http is None:
        problems.append(Problem(f"a mapping that has {API}, with an http section"))
    elif services[API].http.hosts:
        # The health check asks the load balancer by its own name, to be right after a failover too.
        hosts = ", ".join(services[API].http.hosts)
        problems.append(Problem("a service without http.hosts", hosts, API))
    orders: dict[int, str] = {}
    for name, service in services.items():
        if service.release is not None and service.release not in services:
            problems.append(
                Problem("a service whose release is one of the services", service.release, name)
            )
        if service.http is not None:
            first = orders.setdefault(service.http.order, name)
            if first != name:
                problems.append(
                    Problem("a service with an http.order of its own", f"{first} has it too", name)
                )
    if problems:
        reject(*problems)


def _check_bounds(most: int, info: ValidationInfo) -> int:
    least: Any = info.data.get("min_tasks")
    if least is not None and most < least:
        reject(Problem(f"at least min_tasks, which is {least}"))
    return most
