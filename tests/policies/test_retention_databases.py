"""Databases in the retention pack."""

from typing import Any

import pytest

from policies.retention.databases import (
    database_backup_retention,
    database_backup_retention_production,
    database_backups_outlive_it,
    database_critical_events,
    database_enhanced_monitoring,
    database_log_exports,
    database_performance_insights,
    database_slow_queries_logged,
    database_tags_on_snapshots,
)
from tests.policies.cases import Case
from tests.policies.harness import UNKNOWN, check

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
GROUP = "aws:rds/parameterGroup:ParameterGroup"
SUBSCRIPTION = "aws:rds/eventSubscription:EventSubscription"
REPLICA = {INSTANCE: "replicateSourceDb", CLUSTER: "replicationSourceIdentifier"}
UNSET_DAYS = {INSTANCE: "which means 0", CLUSTER: "which means 1"}
CRITICAL = ["failure", "maintenance", "configuration change"]


def logging(statements: str | None, milliseconds: str | None) -> dict[str, Any]:
    values = {"log_statement": statements, "log_min_duration_statement": milliseconds}
    return {
        "parameters": [{"name": k, "value": v} for k, v in values.items() if v is not None],
    }


CASES = [
    *(
        Case(
            policy,
            kind,
            {"backupRetentionPeriod": float(minimum)},
            [
                (
                    {"backupRetentionPeriod": minimum - 1.0},
                    f"is {minimum - 1}, wanted is {minimum} or more",
                ),
                ({"backupRetentionPeriod": 0.0}, "backupRetentionPeriod is 0"),
                ({"backupRetentionPeriod": None}, UNSET_DAYS[kind]),
            ],
            also_good=[
                {"backupRetentionPeriod": minimum + 1.0},
                {"backupRetentionPeriod": None, REPLICA[kind]: "main"},
            ],
            undecided=[{"backupRetentionPeriod": UNKNOWN}, {REPLICA[kind]: UNKNOWN}],
            spared_in_staging=spared,
        )
        for kind in (INSTANCE, CLUSTER)
        for policy, minimum, spared in (
            (database_backup_retention, 7, False),
            (database_backup_retention_production, 30, True),
        )
    ),
    *(
        Case(
            database_backups_outlive_it,
            kind,
            {"deleteAutomatedBackups": False},
            [
                ({"deleteAutomatedBackups": True}, "deleteAutomatedBackups is true"),
                ({"deleteAutomatedBackups": None}, "not set, which means true, wanted is false"),
            ],
            also_good=[{"deleteAutomatedBackups": None, REPLICA[kind]: "main"}],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER)
    ),
    *(
        Case(
            database_tags_on_snapshots,
            kind,
            {"copyTagsToSnapshot": True},
            [
                ({"copyTagsToSnapshot": False}, "copyTagsToSnapshot is false"),
                ({"copyTagsToSnapshot": None}, "copyTagsToSnapshot is not set"),
            ],
        )
        for kind in (INSTANCE, CLUSTER)
    ),
    Case(
        database_log_exports,
        INSTANCE,
        {"enabledCloudwatchLogsExports": ["postgresql", "upgrade"]},
        [
            ({"enabledCloudwatchLogsExports": ["postgresql"]}, "without upgrade"),
            ({"enabledCloudwatchLogsExports": ["upgrade"]}, "wanted is with postgresql"),
        ],
        also_good=[{"enabledCloudwatchLogsExports": ["upgrade", UNKNOWN, "postgresql"]}],
        undecided=[
            {"enabledCloudwatchLogsExports": UNKNOWN},
            {"enabledCloudwatchLogsExports": ["upgrade", UNKNOWN]},
        ],
    ),
    Case(
        database_slow_queries_logged,
        GROUP,
        {"family": "postgres15", **logging("ddl", "1000")},
        [
            (logging("none", "1000"), "log_statement is none, wanted is ddl"),
            (logging(None, "1000"), "log_statement is not set, which means off"),
            (logging("ddl", "-1"), "log_min_duration_statement is -1, wanted is 0 to 5000"),
            (logging("ddl", "5001"), "log_min_duration_statement is 5001"),
            (logging("ddl", None), "log_min_duration_statement is not set"),
        ],
        also_good=[
            logging("mod", "0"),
            logging("all", "5000"),
            {"family": "mysql8.0", "parameters": None},
        ],
        undecided=[
            {"family": UNKNOWN},
            logging(UNKNOWN, "1000"),
            logging("ddl", UNKNOWN),
        ],
        spared_in_staging=True,
    ),
    *(
        Case(
            database_enhanced_monitoring,
            kind,
            {"monitoringInterval": 60.0, "monitoringRoleArn": "arn:aws:iam::1:role/m"},
            [
                ({"monitoringInterval": 0.0}, "monitoringInterval is 0"),
                ({"monitoringInterval": None}, "monitoringInterval is not set, which means 0"),
                ({"monitoringRoleArn": None}, "monitoringRoleArn is not set"),
            ],
            also_good=[{"monitoringInterval": 1.0}],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER_INSTANCE)
    ),
    *(
        Case(
            database_performance_insights,
            kind,
            {"performanceInsightsEnabled": True},
            [
                ({"performanceInsightsEnabled": False}, "performanceInsightsEnabled is false"),
                ({"performanceInsightsEnabled": None}, "performanceInsightsEnabled is not set"),
            ],
            spared_in_staging=True,
        )
        for kind in (INSTANCE, CLUSTER_INSTANCE)
    ),
    Case(
        database_critical_events,
        SUBSCRIPTION,
        {"sourceType": "db-instance", "eventCategories": [*CRITICAL, "recovery"]},
        [
            ({"eventCategories": CRITICAL[1:]}, "without failure, wanted is with failure"),
            ({"eventCategories": CRITICAL[:2]}, "without configuration change"),
            ({"enabled": False}, "enabled is false, wanted is true"),
            ({"sourceType": None, "enabled": False}, "enabled is false"),
        ],
        also_good=[
            {"enabled": True},
            {"eventCategories": None},
            {"eventCategories": []},
            {"sourceType": "db-snapshot", "eventCategories": ["creation"]},
        ],
        undecided=[
            {"sourceType": UNKNOWN},
            {"eventCategories": UNKNOWN},
            {"enabled": UNKNOWN},
            {"eventCategories": [*CRITICAL[1:], UNKNOWN]},
        ],
        spared_in_staging=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


@pytest.mark.parametrize(
    ("policy", "kind", "properties"),
    [
        (database_log_exports, INSTANCE, {"enabledCloudwatchLogsExports": []}),
        (database_log_exports, INSTANCE, {}),
        (database_slow_queries_logged, GROUP, {"family": "postgres15"}),
        (database_enhanced_monitoring, INSTANCE, {}),
    ],
)
def test_everything_that_lacks_is_named(policy: Any, kind: str, properties: dict[str, Any]) -> None:
    assert check(policy, kind, properties).failed == ["it", "it"]


@pytest.mark.parametrize(
    ("policy", "kind", "properties"),
    [
        (database_slow_queries_logged, GROUP, {"family": "postgres15", **logging(UNKNOWN, "-1")}),
        (database_enhanced_monitoring, INSTANCE, {"monitoringInterval": UNKNOWN}),
        (
            database_critical_events,
            SUBSCRIPTION,
            {"enabled": UNKNOWN, "eventCategories": CRITICAL[:2]},
        ),
        (database_critical_events, SUBSCRIPTION, {"enabled": False, "eventCategories": [UNKNOWN]}),
    ],
)
def test_an_unknown_value_hides_no_other(
    policy: Any, kind: str, properties: dict[str, Any]
) -> None:
    outcome = check(policy, kind, properties)
    assert outcome.failed == ["it"]
    assert outcome.advisory


@pytest.mark.parametrize(
    ("policy", "config", "kind", "properties"),
    [
        (database_backup_retention, {"minimumDays": 14}, INSTANCE, {"backupRetentionPeriod": 13}),
        (
            database_backup_retention_production,
            {"minimumDays": 35},
            INSTANCE,
            {"backupRetentionPeriod": 34},
        ),
        (
            database_log_exports,
            {"exports": ["audit"]},
            INSTANCE,
            {"enabledCloudwatchLogsExports": ["postgresql", "upgrade"]},
        ),
        (
            database_slow_queries_logged,
            {"maximumMilliseconds": 999},
            GROUP,
            {"family": "postgres15", **logging("ddl", "1000")},
        ),
        (
            database_critical_events,
            {"categories": ["low storage"]},
            SUBSCRIPTION,
            {"eventCategories": CRITICAL},
        ),
    ],
)
def test_settings_can_be_configured(
    policy: Any, config: dict[str, Any], kind: str, properties: dict[str, Any]
) -> None:
    assert check(policy, kind, properties, config=config).failed == ["it"]
