"""Settings of the firewall."""

from typing import Any

import pytest

from components.settings.security import RuleAction
from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems

GROUPS = ("common", "known_bad_inputs", "sql_injection", "ip_reputation")


def problem(**values: object) -> str:
    (only,) = problems({"security": values})
    return only.removeprefix("aussie-markets:security.")


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_everything_blocks_unless_it_is_told_otherwise(stack: str, days: int) -> None:
    settings = settings_of(stack).security
    assert settings.log_retention_days == days
    assert settings.rate_limit.requests == 2000
    assert settings.rate_limit.action is RuleAction.BLOCK
    for group in GROUPS:
        assert getattr(settings, group).action is RuleAction.BLOCK
        assert getattr(settings, group).counted_rules == ()


def test_one_group_is_told_without_the_others() -> None:
    settings = settings_of("staging", {"security": {"common": {"action": "count"}}}).security
    assert settings.common.action is RuleAction.COUNT
    assert settings.sql_injection.action is RuleAction.BLOCK


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"rate_limit": {"requests": 9}},
            "rate_limit.requests = 9: must be a number of requests in five minutes from one "
            "address, from 10 to 2000000000",
        ),
        (
            {"rate_limit": {"action": "allow"}},
            'rate_limit.action = "allow": must be block or count',
        ),
        ({"common": {"action": "none"}}, 'common.action = "none": must be block or count'),
        (
            {"common": {"actions": "count"}},
            "common.actions: unknown key (did you mean action?); allowed: action, counted_rules",
        ),
        (
            {"ip_reputation": {"counted_rules": ["a b"]}},
            'ip_reputation.counted_rules[0] = "a b": must be a list of names of rules of this '
            "group, such as [SizeRestrictions_BODY], that count instead of blocking",
        ),
        (
            {"sql_injection": "count"},
            'sql_injection = "count": must be a mapping with action and counted_rules',
        ),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], line: str) -> None:
    assert problem(**values) == line


def test_a_retention_that_cloudwatch_refuses_is_refused() -> None:
    assert problem(log_retention_days=31).startswith("log_retention_days = 31: must be one of")
