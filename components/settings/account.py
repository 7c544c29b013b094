"""Settings of what exists once per AWS account."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import permutations
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, field_validator

from components.settings.domain import DomainName
from components.settings.fields import LogRetentionDays, Problem, Section, reject
from components.settings.services import ServiceName
from components.settings.stack import EnvironmentName

# GitHub, "Username considerations": what an owner's and a repository's name are made of. Neither
# has a character that could end one part of a token's subject and begin the next.
Owner = Annotated[str, Field(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9])*$", max_length=39)]
RepositoryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)]
# Git forbids more than this; `*` and `?` above all must not become patterns.
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9](/?[A-Za-z0-9._-])*$", max_length=200)]
GitHubId = Annotated[StrictInt, Field(ge=0)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$", max_length=50)]


class ScanType(StrEnum):
    """Which scanner looks at images."""

    BASIC = "BASIC"
    ENHANCED = "ENHANCED"


class ImageSettings(Section):
    """One repository of images."""

    # An image without a tag is the rest of a push that failed, or of a deleted tag.
    untagged_days: Annotated[StrictInt, Field(ge=1, le=365)] = Field(
        default=14, description="a number of days from 1 to 365"
    )


class RegistrySettings(Section):
    """The repositories of the services' images."""

    repositories: dict[ServiceName, ImageSettings] = Field(
        description="a mapping of services' names to mappings with untagged_days"
    )
    # The other one is Amazon Inspector's, and paid by the image.
    scan_type: ScanType = Field(
        default=ScanType.BASIC,
        description="BASIC (each image when it is pushed) or ENHANCED (again whenever a new "
        "vulnerability is known)",
    )


class GitHubRepository(Section):
    """A repository, by its names and by the numbers that stay when the names change hands."""

    owner: Owner = Field(description="an organisation or user of GitHub")
    name: RepositoryName = Field(description="a repository's name without its owner")
    owner_id: GitHubId = Field(
        default=0, description="the owner's number; 0 means not known yet, and admits nobody"
    )
    repository_id: GitHubId = Field(
        default=0, description="the repository's number; 0 means not known yet, and admits nobody"
    )


class DeliverySettings(Section):
    """How one environment is delivered."""

    branch: Branch = Field(default="main", description="the one branch that is deployed")
    # A preview runs what nobody has reviewed yet, and reads the state with its secrets.
    preview_pull_requests: StrictBool = Field(
        default=False,
        description="true (a pull request's preview may read this environment's state, with its "
        "secrets) or false",
    )


class GitHubSettings(Section):
    """Who may become which role."""

    infrastructure: GitHubRepository = Field(
        description="the repository of this program: a mapping with owner, name, owner_id and "
        "repository_id"
    )
    application: GitHubRepository = Field(
        description="the repository that pushes the services' images: a mapping with owner, name, "
        "owner_id and repository_id"
    )
    application_branch: Branch = Field(
        default="main", description="the one branch whose images are pushed"
    )
    environments: dict[EnvironmentName, DeliverySettings] = Field(
        description="a mapping of environments' names to mappings with branch and "
        "preview_pull_requests"
    )
    # Where docs/first-deployment.md makes it.
    state_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = (
        Field(
            default=None,
            description="the bucket of Pulumi's state (without this setting it is "
            "aussie-markets-state-<account id>)",
        )
    )

    @field_validator("environments")
    @classmethod
    def _patterns_of_names_do_not_overlap(
        cls, environments: Mapping[str, DeliverySettings]
    ) -> Mapping[str, DeliverySettings]:
        # Rights are granted on names that begin or end with the environment's.
        problems = [
            Problem(
                f"a name that neither begins with {inner}- nor ends with -{inner}, whose roles "
                "would reach it",
                index=outer,
            )
            for outer, inner in permutations(environments, 2)
            if outer.startswith(f"{inner}-") or outer.endswith(f"-{inner}")
        ]
        if problems:
            reject(*problems)
        return environments


class TrailSettings(Section):
    """The record of every call to AWS's APIs."""

    # As the security and audit logs: seven years.
    retention_days: Annotated[StrictInt, Field(ge=1, le=3653)] = Field(
        default=2557, description="a number of days from 1 to 3653"
    )
    # Governance mode: only who has the right to bypass it deletes anything sooner.
    lock_days: Annotated[StrictInt, Field(ge=1, le=3653)] | None = Field(
        default=365,
        description="a number of days from 1 to 3653 in which no record can be deleted, or null "
        "for no lock",
    )
    # For searches; what is older is in the bucket.
    log_retention_days: LogRetentionDays = Field(
        default=365, description="a number of days that CloudWatch accepts"
    )


class Feature(StrEnum):
    """GuardDuty's protection plans that concern what the platform uses."""

    S3 = "S3_DATA_EVENTS"
    RDS = "RDS_LOGIN_EVENTS"
    LAMBDA = "LAMBDA_NETWORK_LOGS"
    RUNTIME = "RUNTIME_MONITORING"


class DetectionSettings(Section):
    """What GuardDuty looks at beside the account's own events."""

    # Runtime monitoring puts an agent into each task, which takes memory from the API.
    features: tuple[Feature, ...] = Field(
        default=(Feature.S3, Feature.RDS, Feature.LAMBDA),
        description="a list of S3_DATA_EVENTS, RDS_LOGIN_EVENTS, LAMBDA_NETWORK_LOGS and "
        "RUNTIME_MONITORING",
    )


class BudgetSettings(Section):
    """What a month may cost, and who hears of more."""

    amount_usd: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = Field(
        description="a whole number of US dollars a month, from 1 to 1000000"
    )
    # Budgets, quotas: ten subscribers a notification.
    emails: Annotated[tuple[Email, ...], Field(min_length=1, max_length=10)] = Field(
        description="a list of one to ten e-mail addresses"
    )


class ZoneSettings(Section):
    """The public hosted zone of all environments."""

    name: DomainName = Field(
        default="aussie-markets.com",
        description="a domain in lower case, such as aussie-markets.com",
    )
    # Whoever registers a domain with Route 53 has its zone already.
    create: StrictBool = Field(
        default=True,
        description="true (this stack owns the zone, and the name must be delegated to its name "
        "servers) or false (the account has it already)",
    )


class AccountSettings(Section):
    """Everything that exists once per account."""

    registry: RegistrySettings = Field(description="a mapping with repositories and scan_type")
    github: GitHubSettings = Field(
        description="a mapping with infrastructure, application, application_branch, "
        "environments and state_bucket"
    )
    budget: BudgetSettings = Field(description="a mapping with amount_usd and emails")
    trail: TrailSettings = Field(
        default=TrailSettings(),
        description="a mapping with retention_days, lock_days and log_retention_days",
    )
    detection: DetectionSettings = Field(
        default=DetectionSettings(), description="a mapping with features"
    )
    zone: ZoneSettings = Field(default=ZoneSettings(), description="a mapping with name and create")
    deletion_protection: StrictBool = Field(
        default=True,
        description="true or false; false also lets a destroy empty the repositories and buckets",
    )

    @field_validator("trail")
    @classmethod
    def _lock_ends_first(cls, trail: TrailSettings) -> TrailSettings:
        if trail.lock_days is not None and trail.lock_days > trail.retention_days:
            reject(
                Problem(
                    f"one whose lock_days ({trail.lock_days}) are at most its retention_days "
                    f"({trail.retention_days}), after which records expire"
                )
            )
        return trail
