"""Settings of the domain."""

import pytest

from components.settings.domain import LONGEST_HOST, LONGEST_NAME, DomainSettings
from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems


def problem(stack: str = "staging", **values: object) -> str:
    (only,) = problems({"domain": values}, stack=stack)
    return only.removeprefix("aussie-markets:domain.")


@pytest.mark.parametrize(
    ("stack", "api", "assets"),
    [
        ("production", "api.aussie-markets.com", "assets.aussie-markets.com"),
        ("staging", "staging-api.aussie-markets.com", "staging-assets.aussie-markets.com"),
        ("demo", "demo-api.aussie-markets.com", "demo-assets.aussie-markets.com"),
    ],
)
def test_each_environment_has_its_hosts(stack: str, api: str, assets: str) -> None:
    settings = settings_of(stack)
    assert settings.domain.api_host_of(settings.environment) == api
    assert settings.domain.assets_host_of(settings.environment) == assets
    assert settings.domain.enabled
    assert settings.domain.zone.value == "lookup"


def test_a_host_of_its_own() -> None:
    settings = settings_of(
        "recovery", {"domain": {"name": "example.org", "api_host": "api.example.org"}}
    )
    assert settings.domain.api_host_of("recovery") == "api.example.org"
    assert settings.domain.assets_host_of("recovery") == "recovery-assets.example.org"


def test_the_longest_names_fit_into_a_certificate() -> None:
    name = "x" * (LONGEST_NAME - len(".com")) + ".com"
    assert len(DomainSettings(name=name).assets_host_of("e" * 16)) == LONGEST_HOST


def test_only_production_must_have_a_domain() -> None:
    assert not settings_of("staging", {"domain": {"enabled": False}}).domain.enabled
    assert not settings_of("demo", {"domain": {"enabled": False}}).domain.enabled
    expected = "enabled = false: must be true in production, whose API must have a certificate"
    assert problem("production", enabled=False) == expected


def test_the_environment_counts_and_not_the_name_of_the_stack() -> None:
    given = {"stack": {"environment": "production"}, "domain": {"enabled": False}}
    (line,) = problems(given, stack="other")
    assert line.startswith("aussie-markets:domain.enabled = false: must be true in production")


def test_a_wrong_stack_section_hides_no_other_problem() -> None:
    lines = problems({"stack": {"region": "nowhere"}, "domain": {"zone": "make"}})
    assert [line.partition(" = ")[0] for line in lines] == [
        "aussie-markets:stack.region",
        "aussie-markets:domain.zone",
    ]


@pytest.mark.parametrize(
    "name", ["localhost", "Example.org", "example..org", "-a.org", "a_b.org", f"{'x' * 37}.com"]
)
def test_wrong_names_are_refused(name: str) -> None:
    assert problem(name=name) == (
        f'name = "{name}": must be a domain in lower case of at most 40 characters, such as '
        "aussie-markets.com"
    )


def test_a_host_elsewhere_is_refused() -> None:
    assert problem(api_host="api.example.org") == (
        'api_host = "api.example.org": must be a host inside the domain '
        "(one that ends with .aussie-markets.com)"
    )
    assert problem(api_host="aussie-markets.com").startswith('api_host = "aussie-markets.com"')


def test_other_ways_to_a_zone_are_refused() -> None:
    assert problem(zone="make").startswith('zone = "make": must be lookup (')
