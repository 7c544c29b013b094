"""The settings of the account's stack, and what they refuse."""

from typing import Any

import pytest

from components.settings import (
    AccountStackSettings,
    SettingsError,
    merge,
    parse_account_settings,
    parse_settings,
)
from components.settings.account import Feature, ScanType
from tests.unit.conftest import SECRETS, stack_file

REPOSITORY = {"owner": "octo-org", "name": "octo-repo", "owner_id": 12, "repository_id": 345}
REQUIRED: dict[str, Any] = {
    "github": {
        "infrastructure": REPOSITORY,
        "application": REPOSITORY,
        "environments": {"staging": {}},
    },
    "budget": {"amount_usd": 100, "emails": ["money@example.com"]},
}


def parsed(account: dict[str, Any] | None = None, **others: Any) -> AccountStackSettings:
    given = merge(REQUIRED, account or {})
    return parse_account_settings("account", {"account": given, **others})


def problems(account: dict[str, Any] | None = None, **others: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parsed(account, **others)
    return list(caught.value.problems)


def test_the_committed_file() -> None:
    account = parse_account_settings("account", stack_file("account")).account
    assert account.registry.repositories.keys() == {"api"}
    assert account.registry.scan_type is ScanType.BASIC
    environments = account.github.environments
    assert {name: each.branch for name, each in environments.items()} == {
        "staging": "main",
        "production": "main",
    }
    assert [name for name, each in environments.items() if each.preview_pull_requests] == [
        "staging"
    ]
    assert account.trail.model_dump() == {
        "retention_days": 2557,
        "lock_days": 365,
        "log_retention_days": 365,
    }
    assert account.detection.features == (Feature.S3, Feature.RDS, Feature.LAMBDA)
    assert account.zone.model_dump() == {"name": "aussie-markets.com", "create": True}
    assert account.deletion_protection


def test_the_api_keeps_its_repository_beside_others() -> None:
    settings = parsed({"registry": {"repositories": {"mailer": {"untagged_days": 3}}}})
    repositories = settings.account.registry.repositories
    assert {name: each.untagged_days for name, each in repositories.items()} == {
        "api": 14,
        "mailer": 3,
    }


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_account_settings("account", {})
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "aussie-markets:account.github: missing",
        "aussie-markets:account.budget: missing",
    ]


@pytest.mark.parametrize("empty", [None, {}])
def test_sections_of_other_stacks_are_declared_empty_and_mean_nothing(empty: object) -> None:
    assert parsed(network=empty, secrets=empty) == parsed()
    staging = parse_settings("staging", {"secrets": SECRETS, "account": empty}, {"secrets"})
    assert staging == parse_settings("staging", {"secrets": SECRETS}, {"secrets"})


def test_sections_of_other_stacks_are_refused() -> None:
    assert problems(network={"zones": ["a"]}) == [
        "aussie-markets:network: unknown key; allowed: stack, account"
    ]
    with pytest.raises(SettingsError, match="aussie-markets:account: unknown key; allowed: stack,"):
        parse_settings("staging", {"secrets": SECRETS, "account": REQUIRED}, {"secrets"})


def test_an_unknown_key_is_refused_with_a_suggestion() -> None:
    assert problems({"github": {"enviroments": {}}}) == [
        "aussie-markets:account.github.enviroments: unknown key (did you mean environments?); "
        "allowed: infrastructure, application, application_branch, environments, state_bucket"
    ]
    assert problems(budget={"amount_usd": 1}) == [
        "aussie-markets:budget: unknown key (did you mean aussie-markets:account.budget?); "
        "allowed: stack, account"
    ]


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (
            {"github": {"infrastructure": {"owner": "octo*"}}},
            'github.infrastructure.owner = "octo*": must be an organisation or user of GitHub',
        ),
        (
            {"github": {"infrastructure": {"name": "octo-org/octo-repo"}}},
            'github.infrastructure.name = "octo-org/octo-repo": must be a repository\'s name '
            "without its owner",
        ),
        (
            {"github": {"application": {"name": "octo-repo:environment"}}},
            'github.application.name = "octo-repo:environment": must be a repository\'s name '
            "without its owner",
        ),
        (
            {"github": {"application": {"repository_id": "345"}}},
            'github.application.repository_id = "345": must be the repository\'s number; 0 means '
            "not known yet, and admits nobody",
        ),
        (
            {"github": {"environments": {"staging": {"branch": "*"}}}},
            'github.environments.staging.branch = "*": must be the one branch that is deployed',
        ),
        (
            {"github": {"environments": {"Staging": {}}}},
            'github.environments.Staging = "Staging": must be a mapping of environments\' names '
            "to mappings with branch and preview_pull_requests",
        ),
        (
            {"github": {"environments": {"staging-2": {}}}},
            "github.environments.staging-2 = {}: must be a name that neither begins with staging- "
            "nor ends with -staging, whose roles would reach it",
        ),
        (
            {"github": {"environments": {"old-staging": {}}}},
            "github.environments.old-staging = {}: must be a name that neither begins with "
            "staging- nor ends with -staging, whose roles would reach it",
        ),
        (
            {"github": {"state_bucket": "State"}},
            'github.state_bucket = "State": must be the bucket of Pulumi\'s state (without this '
            "setting it is aussie-markets-state-<account id>)",
        ),
        (
            {"budget": {"emails": []}},
            "budget.emails = []: must be a list of one to ten e-mail addresses",
        ),
        (
            {"budget": {"emails": ["money@example.com", "nobody"]}},
            'budget.emails[1] = "nobody": must be a list of one to ten e-mail addresses',
        ),
        (
            {"budget": {"amount_usd": 0}},
            "budget.amount_usd = 0: must be a whole number of US dollars a month, from 1 to "
            "1000000",
        ),
        (
            {"trail": {"retention_days": 100}},
            'trail = {"retention_days": 100}: must be one whose lock_days (365) are at most its '
            "retention_days (100), after which records expire",
        ),
        (
            {"detection": {"features": ["EKS_AUDIT_LOGS"]}},
            'detection.features[0] = "EKS_AUDIT_LOGS": must be a list of S3_DATA_EVENTS, '
            "RDS_LOGIN_EVENTS, LAMBDA_NETWORK_LOGS and RUNTIME_MONITORING",
        ),
        (
            {"registry": {"repositories": {"api": {"untagged_days": 0}}}},
            "registry.repositories.api.untagged_days = 0: must be a number of days from 1 to 365",
        ),
        (
            {"zone": {"name": "Example"}},
            'zone.name = "Example": must be a domain in lower case, such as aussie-markets.com',
        ),
    ],
)
def test_what_is_refused(account: dict[str, Any], expected: str) -> None:
    assert problems(account) == [f"aussie-markets:account.{expected}"]


def test_no_lock_needs_no_retention() -> None:
    trail = parsed({"trail": {"lock_days": None, "retention_days": 1}}).account.trail
    assert trail.lock_days is None


def test_names_that_only_look_related_are_allowed() -> None:
    environments: dict[str, Any] = {
        "staging": {},
        "staging2": {},
        "prestaging": {},
        "production": {},
    }
    settings = parsed({"github": {"environments": environments}})
    assert settings.account.github.environments.keys() == environments.keys()
