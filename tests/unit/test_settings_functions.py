"""Settings of the scheduled functions."""

from typing import Any

import pytest

from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365), ("demo", 365)])
def test_the_environments(stack: str, days: int) -> None:
    assert settings_of(stack).functions.model_dump() == {
        "log_retention_days": days,
        "reserved_concurrency": None,
    }


def test_concurrency_may_be_reserved() -> None:
    values = {"functions": {"reserved_concurrency": 2}}
    assert settings_of("production", values).functions.reserved_concurrency == 2


_CONCURRENCY = (
    "must be a number from 1 to 100 of runs at a time that Lambda keeps for each function (without "
    "this setting they share the account's, which a small quota needs)"
)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"reserved_concurrency": 0}, f"reserved_concurrency = 0: {_CONCURRENCY}"),
        ({"reserved_concurrency": True}, f"reserved_concurrency = true: {_CONCURRENCY}"),
        (
            {"log_retention_days": 2555},
            "log_retention_days = 2555: must be one of CloudWatch's 1, 3, 5, 7, 14, 30, 60, 90, "
            "120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 (seven "
            "years are 2557 days, with the leap days)",
        ),
        (
            {"retention": 30},
            "retention: unknown key (did you mean log_retention_days?); allowed: "
            "log_retention_days, reserved_concurrency",
        ),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], line: str) -> None:
    assert problems({"functions": values}) == [f"aussie-markets:functions.{line}"]
