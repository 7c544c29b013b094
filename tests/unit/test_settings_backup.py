"""Settings of backups."""

from typing import Any

import pytest

from components.settings.backup import REPLICATED_TO, VaultLock
from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems


def problem(stack: str = "staging", /, **values: object) -> str:
    (only,) = problems({"backup": values}, stack=stack)
    return only.removeprefix("aussie-markets:backup.")


def test_the_environments() -> None:
    staging, production = settings_of("staging").backup, settings_of("production").backup
    assert (staging.daily_retention_days, production.daily_retention_days) == (7, 35)
    assert (staging.lock, production.lock) == (VaultLock.NONE, VaultLock.GOVERNANCE)
    assert (staging.deletion_protection, production.deletion_protection) == (False, True)
    assert (staging.exports.retention_days, production.exports.retention_days) == (30, 365)
    assert (staging.exports.object_lock_days, production.exports.object_lock_days) == (None, 30)
    for settings in (staging, production):
        assert settings.monthly_retention_days == 366
        assert settings.restore_testing
        assert settings.changeable_for_days is None
        assert settings.replicate_automated_backups_to is None


@pytest.mark.parametrize(
    ("region", "copies"),
    [
        ("ap-southeast-2", "ap-southeast-4"),
        ("ap-southeast-4", "ap-southeast-2"),
        ("eu-west-1", "ap-southeast-4"),
    ],
)
def test_copies_are_in_another_region(region: str, copies: str) -> None:
    settings = settings_of("recovery", {"stack": {"region": region}})
    assert settings.backup.copy_region_of(region) == copies


def test_the_region_of_the_copies_may_be_chosen() -> None:
    backup = settings_of("staging", {"backup": {"copy_region": "ap-southeast-1"}}).backup
    assert backup.copy_region_of("ap-southeast-4") == "ap-southeast-1"


def test_the_region_of_the_stack_is_refused() -> None:
    assert problem(copy_region="ap-southeast-2") == (
        'copy_region = "ap-southeast-2": must be another region than aussie-markets:stack.region'
    )


def test_backups_do_not_end_before_the_databases_own() -> None:
    assert problem("production", daily_retention_days=29) == (
        "daily_retention_days = 29: must be at least "
        "aussie-markets:database.backup_retention_days (30)"
    )
    assert settings_of("production", {"backup": {"daily_retention_days": 30}})


def test_a_wrong_database_is_reported_alone() -> None:
    (only,) = problems({"database": {"backup_retention_days": 0}})
    assert only.startswith("aussie-markets:database.backup_retention_days = 0")


def test_monthly_backups_are_kept_longest() -> None:
    assert problem(monthly_retention_days=6) == (
        "monthly_retention_days = 6: must be at least daily_retention_days (7)"
    )
    assert problem(daily_retention_days=400) == (
        "monthly_retention_days = 366: must be at least daily_retention_days (400)"
    )


@pytest.mark.parametrize("lock", ["none", "governance"])
def test_a_lock_becomes_final_only_where_the_settings_say_so_twice(lock: str) -> None:
    assert problem(lock=lock, changeable_for_days=3) == (
        "changeable_for_days = 3: must be left out unless lock is compliance"
    )
    assert problem(lock="compliance") == (
        "changeable_for_days = null: must be set where lock is compliance (the days in which that "
        "can still be undone: at least 3)"
    )
    chosen = {"lock": "compliance", "changeable_for_days": 3}
    assert settings_of("staging", {"backup": chosen}).backup.changeable_for_days == 3


@pytest.mark.parametrize("region", ["ap-southeast-1", "us-east-1", "us-west-1", "us-west-2"])
def test_automated_backups_go_where_rds_replicates_them_to(region: str) -> None:
    given = {"replicate_automated_backups_to": region}
    assert settings_of("production", {"backup": given}).backup.replicate_automated_backups_to


@pytest.mark.parametrize("region", ["ap-southeast-4", "ap-southeast-2", "us-east-2"])
def test_automated_backups_go_nowhere_else(region: str) -> None:
    assert problem(replicate_automated_backups_to=region) == (
        f'replicate_automated_backups_to = "{region}": must be one of ap-southeast-1, us-east-1, '
        "us-west-1, us-west-2, to which RDS replicates automated backups from the stack's region "
        "(a loss of the region then costs up to a day: docs/region-loss.md)"
    )


def test_melbourne_replicates_nowhere() -> None:
    given = {
        "stack": {"region": "ap-southeast-4"},
        "backup": {"replicate_automated_backups_to": "ap-southeast-2"},
    }
    (only,) = problems(given)
    assert "must be left out: RDS replicates no automated backups from the stack's" in only


def test_no_region_replicates_to_itself_and_none_to_melbourne() -> None:
    for source, destinations in REPLICATED_TO.items():
        assert source not in destinations
        assert "ap-southeast-4" not in destinations
        assert len(set(destinations)) == len(destinations)


def test_exports_are_locked_no_longer_than_they_are_kept() -> None:
    assert problem(exports={"object_lock_days": 31}) == (
        "exports.object_lock_days = 31: must be at most retention_days (30: exports expire then)"
    )


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ({"copy_region": "x"}, 'copy_region = "x": must be a commercial AWS region other than'),
        ({"daily_retention_days": 0}, "daily_retention_days = 0: must be a number of days from 1"),
        ({"monthly_retention_days": "9"}, 'monthly_retention_days = "9": must be a number of'),
        ({"lock": "locked"}, 'lock = "locked": must be none, governance (who may open the lock'),
        (
            {"lock": "compliance", "changeable_for_days": 2},
            "changeable_for_days = 2: must be a number of days from 3 to 36500 where lock is",
        ),
        ({"restore_testing": "yes"}, 'restore_testing = "yes": must be true or false'),
        ({"deletion_protection": 1}, "deletion_protection = 1: must be true or false"),
        ({"exports": {"retention_days": 0}}, "exports.retention_days = 0: must be a number of"),
        (
            {"exports": {"object_lock_days": 0}},
            "exports.object_lock_days = 0: must be a number of days up to retention_days",
        ),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], start: str) -> None:
    assert problem(**values).startswith(start)
