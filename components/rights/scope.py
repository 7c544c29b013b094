"""Which resources belong to one environment, as IAM can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.naming import PROJECT, role_boundary

Statement = Mapping[str, Any]
Condition = Mapping[str, Mapping[str, str | Sequence[str]]]


@dataclass(frozen=True)
class Scope:
    """What one environment's rights are about.

    `zone_id` is the hosted zone's, and `zone_name` what it is the zone of.
    """

    account_id: str
    environment: str
    state_bucket: str
    zone_id: str
    zone_name: str

    def arns(self, service: str, *resources: str) -> list[str]:
        """ARNs of the account's resources in any region."""
        return [f"arn:aws:{service}:*:{self.account_id}:{each}" for each in resources]

    def auto_named(self, service: str, *kinds: str) -> list[str]:
        """Those whose names Pulumi makes of the environment's logical names; `db:`, `role/`."""
        return self.arns(service, *(f"{kind}{PROJECT}-{self.environment}-*" for kind in kinds))

    def fixed(self, service: str, *kinds: str) -> list[str]:
        """Those that `components/naming.py` names, with the environment at the end."""
        return self.arns(service, *(f"{kind}{PROJECT}-*-{self.environment}" for kind in kinds))

    @property
    def log_groups(self) -> list[str]:
        """The environment's log groups, and the streams in them."""
        project, environment = PROJECT, self.environment
        return self.arns(
            "logs",
            f"log-group:/{project}/{environment}/*",
            f"log-group:/aws/*/{project}-*-{environment}",
            f"log-group:/aws/*/{project}-*-{environment}:*",
            f"log-group:/aws/*/{project}-*-{environment}/*",
            f"log-group:/aws/*/{project}-*-{environment}-*",
            f"log-group:aws-waf-logs-{project}-{environment}*",
        )

    @property
    def tagged(self) -> Condition:
        """On what carries the environment's tags."""
        return {"StringEquals": self._tags("aws:ResourceTag")}

    @property
    def tagging(self) -> Condition:
        """On what gets the environment's tags with this very call."""
        return {"StringEquals": self._tags("aws:RequestTag")}

    @property
    def claiming(self) -> Condition:
        """On what gets the environment's tags, and has been nobody's."""
        return {**self.tagging, "Null": {"aws:ResourceTag/Environment": "true"}}

    @property
    def boundary_arn(self) -> str:
        """Of the policy that every role of the environment is bounded by."""
        return f"arn:aws:iam::{self.account_id}:policy/{role_boundary(self.environment)}"

    def roles(self, pattern: str = "*") -> str:
        """The environment's roles; those of the workflows have a path of their own."""
        return f"arn:aws:iam::{self.account_id}:role/{PROJECT}-{self.environment}-{pattern}"

    def _tags(self, key: str) -> dict[str, str]:
        return {f"{key}/Project": PROJECT, f"{key}/Environment": self.environment}


def allow(
    sid: str,
    actions: Sequence[str],
    resources: str | Sequence[str],
    condition: Condition | None = None,
) -> Statement:
    """A statement that allows something, everywhere or on one condition."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement
