"""Settings of who is told of alarms."""

from typing import Any

import pytest

from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems

RECIPIENTS = (
    "must be a mapping of names (at most 32 lower-case letters, digits and single hyphens) to "
    "e-mail addresses, or to null for nobody"
)


@pytest.mark.parametrize(
    ("stack", "addresses"),
    [
        ("staging", {}),
        ("production", {"operations": "operations@aussie-markets.com"}),
        # What may hold real data is watched as production is.
        ("demo", {"operations": "operations@aussie-markets.com"}),
    ],
)
def test_the_environments(stack: str, addresses: dict[str, str]) -> None:
    assert settings_of(stack).messages.addresses == addresses


def test_another_address_in_place_of_the_default() -> None:
    recipients = {"operations": None, "on-call": "on-call@example.com"}
    settings = settings_of("production", {"messages": {"recipients": recipients}})
    assert settings.messages.addresses == {"on-call": "on-call@example.com"}


def test_production_is_heard_by_somebody() -> None:
    values = {"messages": {"recipients": {"operations": None}}}
    assert problems(values, stack="production") == [
        'aussie-markets:messages.recipients = {"operations": null}: must be a mapping with at '
        "least one e-mail address in production, whose alarms somebody must hear"
    ]
    assert settings_of("staging", values).messages.addresses == {}


def test_what_is_called_production_counts_and_not_the_stack() -> None:
    values = {
        "stack": {"environment": "production"},
        "messages": {"recipients": {"operations": None}},
    }
    assert len(problems(values, stack="blue")) == 1


@pytest.mark.parametrize(
    ("recipients", "line"),
    [
        ({"on-call": "nobody"}, f'recipients.on-call = "nobody": {RECIPIENTS}'),
        ({"on-call": "a@localhost"}, f'recipients.on-call = "a@localhost": {RECIPIENTS}'),
        ({"on-call": "a b@example.com"}, f'recipients.on-call = "a b@example.com": {RECIPIENTS}'),
        ({"On Call": "a@example.com"}, f'recipients.On Call = "On Call": {RECIPIENTS}'),
        (["a@example.com"], f'recipients = ["a@example.com"]: {RECIPIENTS}'),
    ],
)
def test_mistakes(recipients: Any, line: str) -> None:
    (only,) = problems({"messages": {"recipients": recipients}})
    assert only == f"aussie-markets:messages.{line}"
