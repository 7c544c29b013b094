"""Settings of the content delivery network and the failover."""

from typing import Any

import pytest

from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_the_environments(stack: str, days: int) -> None:
    settings = settings_of(stack).edge
    assert settings.log_retention_days == days
    assert settings.health_check_interval_seconds == 30
    # The others leave Australia out.
    assert settings.price_class.value == "PriceClass_All"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"price_class": "All"},
            'price_class = "All": must be PriceClass_All, PriceClass_200 or PriceClass_100; the '
            "last two leave Australia out",
        ),
        (
            {"health_check_interval_seconds": 20},
            "health_check_interval_seconds = 20: must be 10 or 30 seconds",
        ),
        (
            {"content_security_policy": "default-src  'self'"},
            "content_security_policy = \"default-src  'self'\": must be a "
            "Content-Security-Policy in printable ASCII with single spaces",
        ),
        (
            {"content_security_policy": ""},
            'content_security_policy = "": must be a Content-Security-Policy in printable ASCII '
            "with single spaces",
        ),
        (
            {"log_retention_days": 0},
            "log_retention_days = 0: must be a number of days from 1 to 3650",
        ),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], line: str) -> None:
    assert problems({"edge": values}) == [f"aussie-markets:edge.{line}"]
