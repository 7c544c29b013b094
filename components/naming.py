"""Physical names and tags.

Only names that people or programs outside this stack rely on are fixed here; everything else
is auto-named, so that a replacement can be created before its predecessor is deleted.
"""

from dataclasses import dataclass
from typing import Final

PROJECT: Final = "aussie-markets"


@dataclass(frozen=True)
class Names:
    """The names that contain the environment's own."""

    environment: str

    @property
    def prefix(self) -> str:
        """Start of logical names, and through them of every auto-name."""
        return f"{PROJECT}-{self.environment}"

    @property
    def vpc(self) -> str:
        """The VPC's Name tag; runbooks find the VPC by it."""
        return f"{PROJECT}-vpc-{self.environment}"

    @property
    def database(self) -> str:
        """The database instance; runbooks find it by this, and the endpoint contains it."""
        return f"{PROJECT}-db-{self.environment}"

    def database_replica(self, number: int) -> str:
        """A read replica that the settings ask for; the scaler's own are named otherwise."""
        return f"{self.database}-replica-{number}"

    @property
    def database_name(self) -> str:
        """The database inside the instance; PostgreSQL takes no hyphen without quotes."""
        return f"aussie_markets_{self.environment.replace('-', '_')}"

    @property
    def cache(self) -> str:
        """The replication group. Fixed, because `redis-url` contains it."""
        return f"{PROJECT}-cache-{self.environment}"

    def parameter(self, name: str) -> str:
        """A parameter that the API or a runbook reads."""
        return f"/{PROJECT}/{self.environment}/{name}"

    def log_group(self, purpose: str) -> str:
        """A log group that belongs to the platform; the log key admits exactly this tree."""
        return f"/{PROJECT}/{self.environment}/{purpose}"

    def database_log_group(self, instance: str, export: str) -> str:
        """Where RDS writes an instance's log; RDS chose the name."""
        return f"/aws/rds/instance/{instance}/{export}"

    def key_alias(self, data_class: str) -> str:
        """The alias of the KMS key for one class of data.

        Fixed, because the key outlives the stack and people must be able to find it.
        """
        return f"alias/{self.prefix}-{data_class}"


def default_tags(environment: str, owner: str) -> dict[str, str]:
    """The tags of every resource; only the explicit provider in `__main__.py` may set them."""
    return {
        "Environment": environment,
        "ManagedBy": "pulumi",
        "Owner": owner,
        "Project": PROJECT,
    }
