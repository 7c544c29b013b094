"""Settings of alarms: from which figure on somebody is told."""

from typing import Annotated

from pydantic import Field, StrictInt

from components.settings.fields import Section

_PERCENT = "a percentage from 1 to 99"
Percent = Annotated[StrictInt, Field(ge=1, le=99)]
Count = Annotated[StrictInt, Field(ge=1)]


class RequestThresholds(Section):
    """Requests to the load balancer, and those that the API counts itself."""

    # Deployment documentation, "Metrics and Alarms".
    error_percent: Percent = Field(default=5, description=_PERCENT)
    # Of fewer in a minute a single one would be too many percent.
    least_requests: Count = Field(
        default=20,
        description="a number of requests in a minute from 1, below which errors are not counted",
    )
    # Deployment documentation, "Database Monitoring": what it calls a slow response.
    latency_milliseconds: Count = Field(
        default=1000, description="a number of milliseconds from 1, of the 95th percentile"
    )


class ServiceThresholds(Section):
    """Each ECS service."""

    # Above what autoscaling aims at, so it may add no more tasks, or they do not help.
    cpu_percent: Percent = Field(default=85, description=_PERCENT)
    memory_percent: Percent = Field(default=90, description=_PERCENT)


class DatabaseThresholds(Section):
    """The database, and each of its read replicas."""

    cpu_percent: Percent = Field(default=80, description=_PERCENT)
    # Deployment documentation, "Metrics and Alarms", of the class's max_connections.
    connection_percent: Percent = Field(default=80, description=_PERCENT)
    # RDS lets storage grow below a tenth, which of 20 GiB is this.
    free_storage_gib: Count = Field(default=2, description="a number of GiB from 1")
    free_memory_percent: Percent = Field(default=10, description=_PERCENT)
    # db.t3.micro earns 12 an hour: they last two and a half at twice its share of a CPU.
    cpu_credits: Count = Field(
        default=30, description="a number of CPU credits from 1 (only t classes have them)"
    )
    io_balance_percent: Percent = Field(default=30, description=_PERCENT)
    # PostgreSQL without writes switches its log every five minutes, and the lag grows until then.
    replica_lag_seconds: Annotated[StrictInt, Field(ge=301)] = Field(
        default=600, description="a number of seconds from 301"
    )


class CacheThresholds(Section):
    """Each node of the cache."""

    # Redis works on one core, whose share this is.
    engine_cpu_percent: Percent = Field(default=80, description=_PERCENT)
    memory_percent: Percent = Field(default=90, description=_PERCENT)
    # Sessions are in the cache: whose session is evicted must log in again.
    evictions: Count = Field(default=1000, description="a number of keys in five minutes from 1")
    # Redis takes 65,000; so many of a few dozen tasks are a leak.
    connections: Count = Field(default=5000, description="a number of connections from 1")
    replication_lag_seconds: Count = Field(default=30, description="a number of seconds from 1")


class ObservabilitySettings(Section):
    """Thresholds of the alarms."""

    requests: RequestThresholds = Field(
        default=RequestThresholds(),
        description="a mapping with error_percent, least_requests and latency_milliseconds",
    )
    services: ServiceThresholds = Field(
        default=ServiceThresholds(), description="a mapping with cpu_percent and memory_percent"
    )
    database: DatabaseThresholds = Field(
        default=DatabaseThresholds(),
        description="a mapping with cpu_percent, connection_percent, free_storage_gib, "
        "free_memory_percent, cpu_credits, io_balance_percent and replica_lag_seconds",
    )
    cache: CacheThresholds = Field(
        default=CacheThresholds(),
        description="a mapping with engine_cpu_percent, memory_percent, evictions, connections "
        "and replication_lag_seconds",
    )
