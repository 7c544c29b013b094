"""Settings of the static assets' buckets."""

import pytest

from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems


def problem(**values: object) -> str:
    (only,) = problems({"assets": values})
    return only.removeprefix("aussie-markets:assets.")


@pytest.mark.parametrize(("stack", "kept"), [("staging", False), ("production", True)])
def test_the_environments(stack: str, kept: bool) -> None:
    settings = settings_of(stack).assets
    assert settings.deletion_protection is kept
    assert settings.old_version_days == 90
    assert settings.replica_region_of("ap-southeast-2") == "ap-southeast-4"


def test_a_stack_in_the_replica_region_replicates_back() -> None:
    settings = settings_of("recovery", {"stack": {"region": "ap-southeast-4"}})
    assert settings.assets.replica_region_of(settings.stack.region) == "ap-southeast-2"


def test_the_region_of_the_stack_is_refused() -> None:
    assert problem(replica_region="ap-southeast-2") == (
        'replica_region = "ap-southeast-2": must be another region than aussie-markets:stack.region'
    )


@pytest.mark.parametrize(
    ("values", "start"),
    [
        (
            {"replica_region": "melbourne"},
            'replica_region = "melbourne": must be a commercial AWS region other than the',
        ),
        ({"old_version_days": 0}, "old_version_days = 0: must be a number of days from 1 to 3650"),
        ({"old_version_days": "9"}, 'old_version_days = "9": must be a number of days from 1'),
        ({"deletion_protection": 1}, "deletion_protection = 1: must be true or false"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, object], start: str) -> None:
    assert problem(**values).startswith(start)
