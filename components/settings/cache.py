"""Settings of the cache."""

import difflib
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
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
from components.settings.windows import check_overlap, check_window

# ElastiCache user guide, "Supported node types", those that take snapshots and Redis 7.
CACHE_NODE_TYPES: Final = (
    *(f"cache.{family}.{size}" for family in ("t3", "t4g") for size in BURSTABLE_SIZES[:3]),
    *(f"cache.{family}.{size}" for family in ("m6g", "m7g", "r6g", "r7g") for size in FIXED_SIZES),
)


def _check_node_type(name: str) -> str:
    if name not in CACHE_NODE_TYPES:
        close = difflib.get_close_matches(name, CACHE_NODE_TYPES, n=1)
        reject(
            Problem(
                "a node type that runs Redis 7: cache.t3 or cache.t4g from micro to medium, "
                "cache.m6g, cache.m7g, cache.r6g or cache.r7g from large to 16xlarge",
                f"did you mean {close[0]}?" if close else "",
            )
        )
    return name


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
            reject(
                Problem(
                    "false where nodes is 1",
                    "Multi-AZ needs automatic failover, and that a replica: at least 2 nodes",
                )
            )
        return multi_az

    @field_validator("snapshot_window")
    @classmethod
    def _snapshots_have_time(cls, window: str) -> str:
        check_window(window, least=60, weekly=False)
        return window

    @field_validator("maintenance_window")
    @classmethod
    def _maintenance_is_apart(cls, window: str, info: ValidationInfo) -> str:
        check_window(window, least=60, weekly=True)
        check_overlap(window, info.data.get("snapshot_window"))
        return window

    @property
    def url_version(self) -> int:
        """Of `redis-url`: a new generation has a new token too."""
        return self.generation * 1000 + self.auth_token_version
