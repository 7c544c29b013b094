"""What differs between environments; what is the same everywhere is the default of its field."""

from collections.abc import Mapping
from typing import Any, Final

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
