"""The Redis cache of the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import pulumi
import pulumi_aws as aws

from components.naming import Names
from components.network import REDIS_PORT
from components.settings.cache import CacheSettings

# The last Redis that ElastiCache offers, and the family that it takes.
ENGINE_VERSION: Final = "7.1"
FAMILY: Final = "redis7"

LOGS: Final = ("slow-log", "engine-log")

# Takes the old token beside the new one, so that running tasks keep working until a runbook sets
# the new one alone.
UPDATE_STRATEGY: Final = "ROTATE"


@dataclass(frozen=True)
class CacheArgs:
    """Inputs of `Cache`.

    `kms_key_arn` encrypts data and snapshots, and must outlive the stack as the final one does.
    `log_key_arn` encrypts the logs: its policy must admit CloudWatch Logs for
    `names.log_group(...)`. `auth_token` is a secret; ElastiCache and `redis-url` get it once for
    each `settings.url_version`.
    """

    names: Names
    settings: CacheSettings
    subnet_ids: pulumi.Input[Sequence[str]]
    security_group_id: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    auth_token: pulumi.Output[str]


class Cache(pulumi.ComponentResource):
    """`aussie-markets:cache:Cache`: one replication group without cluster mode, and its logs.

    - `aws.elasticache.SubnetGroup`: the private subnets.
    - `aws.elasticache.ParameterGroup`: the least recently used key goes when memory is full.
    - `aws.cloudwatch.LogGroup`: slow commands and the engine's own log.
    - `aws.elasticache.ReplicationGroup`: TLS and token from the first day, since adding either
      later leaves a time of open access. It leaves its final snapshot behind.
    """

    replication_group_id: pulumi.Output[str]
    address: pulumi.Output[str]
    """The primary node's host; it stays through failover and replacement."""
    url: pulumi.Output[str]
    """`REDIS_URL`, a secret, with TLS."""
    log_group_names: Sequence[pulumi.Output[str]]

    def __init__(
        self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:cache:Cache", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)

        subnets = aws.elasticache.SubnetGroup(
            f"{name}-subnets",
            description=f"Private subnets of {names.environment}",
            subnet_ids=args.subnet_ids,
            opts=child,
        )
        parameters = aws.elasticache.ParameterGroup(
            f"{name}-parameters",
            family=FAMILY,
            description=f"Redis of {names.environment}",
            parameters=[
                aws.elasticache.ParameterGroupParameterArgs(
                    name="maxmemory-policy", value="allkeys-lru"
                )
            ],
            opts=child,
        )
        log_groups = {
            log: aws.cloudwatch.LogGroup(
                f"{name}-{log}",
                name=names.log_group(f"redis-{log}"),
                retention_in_days=settings.log_retention_days,
                kms_key_id=args.log_key_arn,
                opts=child,
            )
            for log in LOGS
        }
        group = aws.elasticache.ReplicationGroup(
            f"{name}-group",
            replication_group_id=names.cache,
            description=f"Cache and sessions of {names.environment}",
            engine="redis",
            engine_version=ENGINE_VERSION,
            node_type=settings.node_type,
            num_cache_clusters=settings.nodes,
            # Failover needs a replica, and with one there is no reason to do without.
            automatic_failover_enabled=settings.nodes > 1,
            multi_az_enabled=settings.multi_az,
            port=REDIS_PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[args.security_group_id],
            parameter_group_name=parameters.name,
            at_rest_encryption_enabled=True,
            kms_key_id=args.kms_key_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            # Written again only when the version says so, together with redis-url: a token that
            # a runbook rotated stays.
            auth_token_wo=args.auth_token,
            auth_token_wo_version=settings.url_version,
            auth_token_update_strategy=UPDATE_STRATEGY,
            auto_minor_version_upgrade=True,
            apply_immediately=False,
            maintenance_window=settings.maintenance_window,
            snapshot_window=settings.snapshot_window,
            snapshot_retention_limit=settings.snapshot_retention_days,
            final_snapshot_identifier=f"{names.cache}-final-{settings.generation}",
            log_delivery_configurations=[
                aws.elasticache.ReplicationGroupLogDeliveryConfigurationArgs(
                    log_type=log,
                    log_format="json",
                    destination_type="cloudwatch-logs",
                    destination=log_group.name,
                )
                for log, log_group in log_groups.items()
            ],
            # The name is fixed, because redis-url contains it; two cannot coexist.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

        self.replication_group_id = group.replication_group_id
        self.address = group.primary_endpoint_address
        self.url = pulumi.Output.secret(
            pulumi.Output.all(args.auth_token, group.primary_endpoint_address).apply(
                lambda known: redis_url(known[0], known[1])
            )
        )
        self.log_group_names = [log_group.name for log_group in log_groups.values()]
        self.register_outputs(
            {
                "replication_group_id": self.replication_group_id,
                "address": self.address,
                "url": self.url,
                "log_group_names": self.log_group_names,
            }
        )


def redis_url(token: str, address: str) -> str:
    """`REDIS_URL`: TLS, no user (a token belongs to none), every symbol of the token encoded."""
    return f"rediss://:{quote(token, safe='')}@{address}:{REDIS_PORT}/0"
