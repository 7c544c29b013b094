"""Settings of the thresholds."""

from typing import Any

import pytest

from tests.unit.conftest import settings_of
from tests.unit.test_settings import problems


@pytest.mark.parametrize("stack", ["staging", "production", "demo"])
def test_every_environment_is_told_at_the_same_figures(stack: str) -> None:
    assert settings_of(stack).observability.model_dump() == {
        "requests": {"error_percent": 5, "least_requests": 20, "latency_milliseconds": 1000},
        "services": {"cpu_percent": 85, "memory_percent": 90},
        "database": {
            "cpu_percent": 80,
            "connection_percent": 80,
            "free_storage_gib": 2,
            "free_memory_percent": 10,
            "cpu_credits": 30,
            "io_balance_percent": 30,
            "replica_lag_seconds": 600,
        },
        "cache": {
            "engine_cpu_percent": 80,
            "memory_percent": 90,
            "evictions": 1000,
            "connections": 5000,
            "replication_lag_seconds": 30,
        },
    }


def test_one_figure_is_changed_without_the_others() -> None:
    values = {"observability": {"database": {"cpu_percent": 95}}}
    database = settings_of("staging", values).observability.database
    assert database.cpu_percent == 95
    assert database.connection_percent == 80


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_people_are_told_only_once_autoscaling_did_not_help(stack: str) -> None:
    settings = settings_of(stack)
    for service in settings.services.values():
        assert settings.observability.services.cpu_percent > service.scaling.cpu_percent
        assert settings.observability.services.memory_percent > service.scaling.memory_percent


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"requests": {"error_percent": 100}},
            "requests.error_percent = 100: must be a percentage from 1 to 99",
        ),
        (
            {"requests": {"latency_milliseconds": 0}},
            "requests.latency_milliseconds = 0: must be a number of milliseconds from 1, of the "
            "95th percentile",
        ),
        (
            {"database": {"replica_lag_seconds": 300}},
            "database.replica_lag_seconds = 300: must be a number of seconds from 301",
        ),
        (
            {"database": {"free_storage_gib": 0.5}},
            "database.free_storage_gib = 0.5: must be a number of GiB from 1",
        ),
        (
            {"cache": {"eviction": 1}},
            "cache.eviction: unknown key (did you mean evictions?); allowed: engine_cpu_percent, "
            "memory_percent, evictions, connections, replication_lag_seconds",
        ),
    ],
)
def test_mistakes(values: Any, line: str) -> None:
    (only,) = problems({"observability": values})
    assert only == f"aussie-markets:observability.{line}"
