"""What differs between environments; what is the same everywhere is the default of its field."""

from collections.abc import Mapping
from typing import Any, Final

# What makes the service of this name the API: deployment documentation, "AWS Parameter Store
# Configuration". Other services have only the secrets that they ask for.
API_EVERYWHERE: Final[Mapping[str, Any]] = {
    "secrets": {
        "DATABASE_URL": "database-url",
        "REDIS_URL": "redis-url",
        "JWT_SECRET": "jwt-secret",
        "REFRESH_TOKEN_SECRET": "refresh-token-secret",
        "STRIPE_SECRET_KEY": "stripe-secret-key",
    },
    # It answers what no other service does.
    "http": {"order": 400},
}

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
        "logs": {"keep": False},
        "cluster": {
            # Spot tasks cost a third and may end at any time; one task does not.
            "capacity": {"base": 1, "fargate_weight": 0, "spot_weight": 1},
            "log_retention_days": 30,
        },
        "api": {
            "load_balancer": {"deletion_protection": False, "access_log_retention_days": 30},
        },
        "services": {
            "api": {
                **API_EVERYWHERE,
                # Deployment documentation, "ECS Cluster Configuration", "ECS Auto Scaling" and
                # "Log Groups".
                "cpu": 256,
                "memory_mib": 512,
                "scaling": {"min_tasks": 1, "max_tasks": 3},
                "deployment": {"strategy": "rolling"},
                "log_retention_days": 30,
            },
        },
        "security": {"log_retention_days": 30},
        "assets": {"deletion_protection": False},
        "edge": {"log_retention_days": 30},
        # Who builds staging looks at it; a stack file says who wants mail besides.
        "messages": {"recipients": {}},
        "backup": {
            # As long as the database's own, and nothing that a rebuilt staging would meet again.
            "daily_retention_days": 7,
            "deletion_protection": False,
            "lock": "none",
            "exports": {"retention_days": 30},
        },
        "functions": {"log_retention_days": 30},
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
        "logs": {"keep": True},
        "cluster": {
            "capacity": {"base": 1, "fargate_weight": 1, "spot_weight": 0},
            "log_retention_days": 365,
        },
        "api": {
            "load_balancer": {"deletion_protection": True, "access_log_retention_days": 365},
        },
        "services": {
            "api": {
                **API_EVERYWHERE,
                "cpu": 1024,
                "memory_mib": 2048,
                "scaling": {"min_tasks": 3, "max_tasks": 10},
                "deployment": {"strategy": "blue_green"},
                "log_retention_days": 365,
            },
        },
        "security": {"log_retention_days": 365},
        "assets": {"deletion_protection": True},
        "edge": {"log_retention_days": 365},
        # The mailbox of those who run the platform, in its own domain.
        "messages": {"recipients": {"operations": "operations@aussie-markets.com"}},
        "backup": {
            # Five days more than the database's own, in which their end is noticed.
            "daily_retention_days": 35,
            "deletion_protection": True,
            "lock": "governance",
            "exports": {"retention_days": 365, "object_lock_days": 30},
        },
        "functions": {"log_retention_days": 365},
    },
}

# The API is a service of every environment; others are named beside it.
ACCOUNT_DEFAULTS: Final[Mapping[str, Any]] = {
    "account": {"registry": {"repositories": {"api": {}}}},
}
