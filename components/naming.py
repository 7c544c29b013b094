"""Physical names and tags.

Only names that people or programs outside this stack rely on are fixed here; everything else
is auto-named, so that a replacement can be created before its predecessor is deleted.
"""

from dataclasses import dataclass
from typing import Final

PROJECT: Final = "aussie-markets"

# The stack of what an account has once, beside those of its environments.
ACCOUNT_STACK: Final = "account"

# Deployment documentation, "Application Monitoring": what the API writes its metrics into.
METRIC_NAMESPACE: Final = "AussieMarkets/API"

# What scheduled functions report their success into: docs/api-contract.md.
OPERATIONS_NAMESPACE: Final = "AussieMarkets/Operations"


def repository(service: str) -> str:
    """The ECR repository of a service's images; one for all environments of an account."""
    return f"{PROJECT}-{service}"


def delivery_role(purpose: str) -> str:
    """A role of GitHub's workflows, which name it: `deploy-<environment>`, `preview`, …"""
    return f"{PROJECT}-{purpose}"


def role_boundary(environment: str) -> str:
    """The policy beyond which no role of an environment goes; its stack finds it by this."""
    return f"{PROJECT}-boundary-{environment}"


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

    @property
    def cluster(self) -> str:
        """The ECS cluster; runbooks, metrics and Container Insights know it by this."""
        return f"{PROJECT}-cluster-{self.environment}"

    def service(self, service: str) -> str:
        """An ECS service and its task family; runbooks and metrics know both by this."""
        return f"{PROJECT}-{service}-{self.environment}"

    @property
    def parameters(self) -> str:
        """The path under which all parameters are."""
        return f"/{PROJECT}/{self.environment}"

    def parameter(self, name: str) -> str:
        """A parameter that the API or a runbook reads."""
        return f"{self.parameters}/{name}"

    @property
    def releases(self) -> str:
        """The path under which `deploy` and `rollback` say which images run."""
        return self.parameter("release")

    def release(self, service: str) -> str:
        """The parameter that holds the image of a service."""
        return f"{self.releases}/{service}-image"

    def log_group(self, purpose: str) -> str:
        """A log group that belongs to the platform; the log key admits exactly this tree."""
        return f"/{PROJECT}/{self.environment}/{purpose}"

    def database_log_group(self, instance: str, export: str) -> str:
        """Where RDS writes an instance's log; RDS chose the name."""
        return f"/aws/rds/instance/{instance}/{export}"

    def service_log_group(self, service: str) -> str:
        """Where a service's tasks log: deployment documentation, "Log Groups"."""
        return f"/aws/ecs/{self.service(service)}"

    def function(self, function: str) -> str:
        """A Lambda function; its metrics know it by this."""
        return f"{PROJECT}-{function}-{self.environment}"

    def function_log_group(self, function: str) -> str:
        """Where a function logs; Lambda would choose the same name."""
        return f"/aws/lambda/{self.function(function)}"

    @property
    def insights_log_group(self) -> str:
        """Where Container Insights writes; ECS chose the name."""
        return f"/aws/ecs/containerinsights/{self.cluster}/performance"

    def cache_node(self, number: int) -> str:
        """A node of the replication group, from 1 on; ElastiCache numbers them so."""
        return f"{self.cache}-{number:03d}"

    def alarm(self, purpose: str) -> str:
        """An alarm that people know by name: deployment documentation, "Metrics and Alarms"."""
        return f"{purpose}-{self.environment}"

    @property
    def dashboard(self) -> str:
        """The dashboard; people find it by this."""
        return self.prefix

    def key_alias(self, data_class: str) -> str:
        """The alias of the KMS key for one class of data.

        Fixed, because the key outlives the stack and people must be able to find it.
        """
        return f"alias/{self.prefix}-{data_class}"

    def ip_set(self, family: str) -> str:
        """A block list of the firewall, `ipv4` or `ipv6`; runbooks find it by this."""
        return f"{PROJECT}-blocked-{family}-{self.environment}"

    @property
    def firewall_log_group(self) -> str:
        """Where the firewall logs; WAF accepts only names that begin like this one."""
        return f"aws-waf-logs-{self.prefix}"

    @property
    def backup_tags(self) -> dict[str, str]:
        """The tag by which AWS Backup selects; what runbooks restore needs it too."""
        return {"Backup": self.environment}

    @property
    def backup_vault(self) -> str:
        """The vault beside the database; runbooks find its recovery points by this."""
        return f"{PROJECT}-backups-{self.environment}"

    @property
    def backup_copy_vault(self) -> str:
        """The vault in the second region.

        Fixed, because it must be found when the stack that made it is lost; and another name than
        the other vault's, because the stack that replaces it makes its own in that region.
        """
        return f"{PROJECT}-backup-copies-{self.environment}"

    @property
    def restore_testing(self) -> str:
        """The plan of the restore tests. AWS Backup refuses hyphens, which auto-names have."""
        return self.database_name


def default_tags(environment: str, owner: str) -> dict[str, str]:
    """The tags of every resource; only the explicit provider in `__main__.py` may set them."""
    return {
        "Environment": environment,
        "ManagedBy": "pulumi",
        "Owner": owner,
        "Project": PROJECT,
    }
