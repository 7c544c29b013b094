"""Backups and records of databases."""

from collections.abc import Sequence
from typing import Final

from pulumi_policy import Severity

from .database_types import CLUSTER, CLUSTER_INSTANCE, INSTANCE, is_replica, parameter_of
from .rule import Checked, Framework, Reference, Rule, Scope, Setting, any_of

# RDS, CreateDBInstance and CreateDBCluster, BackupRetentionPeriod: the longest.
_LONGEST_DAYS: Final = 35

# PostgreSQL documentation, log_statement: each contains the one before it.
_WITH_SCHEMA_CHANGES: Final = ("ddl", "mod", "all")
_OFF: Final = "not set, which means off"


def _minimum_days(default: int) -> Setting:
    return Setting(
        "minimumDays",
        "Shortest retention of automated backups that passes",
        default,
        {"type": "integer", "minimum": 1, "maximum": _LONGEST_DAYS},
    )


def _check_backups(database: Checked) -> None:
    if not is_replica(database):
        database.must_reach(
            "backupRetentionPeriod",
            database.setting("minimumDays"),
            # A cluster cannot be without.
            unset=1 if database.type == CLUSTER else 0,
        )


@Rule(
    name="database-backup-retention",
    description=(
        "Databases keep automated backups for a week at least: without them there is no way back"
        " to a point in time. Read replicas are spared: their source is backed up."
    ),
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "RDS.11"),
        Reference(Framework.CHECKOV, "CKV_AWS_133"),
    ),
    settings=(_minimum_days(7),),
    remediation="Raise backupRetentionPeriod.",
).for_each(INSTANCE, CLUSTER)
def database_backup_retention(database: Checked) -> None:
    _check_backups(database)


@Rule(
    name="database-backup-retention-production",
    description=(
        "Production's databases keep automated backups for 30 days at least, as the deployment"
        " documentation asks. Read replicas are spared: their source is backed up."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "RDS.11"),),
    settings=(_minimum_days(30),),
    remediation="Raise backupRetentionPeriod.",
).for_each(INSTANCE, CLUSTER)
def database_backup_retention_production(database: Checked) -> None:
    _check_backups(database)


@Rule(
    name="database-backups-outlive-it",
    description=(
        "Production's automated backups are kept when their database is deleted: AWS deletes them"
        " with it otherwise, and a deletion by mistake is then for good. Read replicas are spared:"
        " they have none."
    ),
    severity=Severity.HIGH,
    scope=Scope.PRODUCTION,
    remediation="Set deleteAutomatedBackups to false.",
).for_each(INSTANCE, CLUSTER)
def database_backups_outlive_it(database: Checked) -> None:
    if is_replica(database):
        return
    if (deleted := database.get("deleteAutomatedBackups")) is not False:
        database.fails(
            "deleteAutomatedBackups",
            seen="not set, which means true" if deleted is None else "true",
            wanted="false",
        )


@Rule(
    name="database-tags-on-snapshots",
    description=(
        "Snapshots carry the tags of their database: selections, costs and permissions by tag"
        " would miss them otherwise."
    ),
    severity=Severity.LOW,
    references=(
        Reference(Framework.FSBP, "RDS.17"),
        Reference(Framework.CHECKOV, "CKV2_AWS_60"),
    ),
    remediation="Set copyTagsToSnapshot to true.",
).for_each(INSTANCE, CLUSTER)
def database_tags_on_snapshots(database: Checked) -> None:
    database.must_be_true("copyTagsToSnapshot")


@Rule(
    name="database-log-exports",
    description=(
        "Databases write their logs to CloudWatch: an instance keeps its own for days, and they"
        " end with it."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "RDS.9"),
        Reference(Framework.FSBP, "RDS.36"),
        Reference(Framework.CHECKOV, "CKV_AWS_129"),
    ),
    settings=(
        Setting(
            "exports",
            "Logs that a database exports at least",
            ["postgresql", "upgrade"],
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
    ),
    remediation="Add them to enabledCloudwatchLogsExports, and make their log groups first.",
).for_each(INSTANCE)
def database_log_exports(database: Checked) -> None:
    exports = database.get("enabledCloudwatchLogsExports") or ()
    for log in database.setting("exports"):
        if not _is_among(log, exports):
            database.fails(
                "enabledCloudwatchLogsExports", seen=f"without {log}", wanted=f"with {log}"
            )


def _is_among(wanted: str, values: Sequence[str]) -> bool:
    return any_of(range(len(values)), lambda index: values[index] == wanted)


@Rule(
    name="database-slow-queries-logged",
    description=(
        "Production's PostgreSQL logs changes of the schema and slow queries: they explain what"
        " no metric does."
    ),
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV2_AWS_30"),),
    settings=(
        Setting(
            "maximumMilliseconds",
            "Longest log_min_duration_statement that passes",
            5000,
            {"type": "integer", "minimum": 0},
        ),
    ),
    remediation=(
        "Set log_statement to ddl, and log_min_duration_statement to a number of milliseconds, in"
        " the parameter group."
    ),
).for_each("aws:rds/parameterGroup:ParameterGroup")
def database_slow_queries_logged(group: Checked) -> None:
    if not str(group.get("family")).startswith("postgres"):
        return
    with group.unknowns_noted():
        statements = parameter_of(group, "log_statement")
        if statements not in _WITH_SCHEMA_CHANGES:
            group.fails("log_statement", seen=statements or _OFF, wanted="ddl")
    with group.unknowns_noted():
        duration = parameter_of(group, "log_min_duration_statement")
        maximum = group.setting("maximumMilliseconds")
        # -1 turns it off, as RDS does.
        if duration is None or not duration.isdigit() or int(duration) > maximum:
            group.fails(
                "log_min_duration_statement",
                seen=duration or _OFF,
                wanted=f"0 to {maximum:g} milliseconds",
            )


@Rule(
    name="database-enhanced-monitoring",
    description=(
        "Production's databases report what their operating system does: memory and processes are"
        " in no other metric."
    ),
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    references=(
        Reference(Framework.FSBP, "RDS.6"),
        Reference(Framework.CHECKOV, "CKV_AWS_118"),
    ),
    remediation=(
        "Set monitoringInterval to 60 seconds or fewer, and monitoringRoleArn to a role that"
        " monitoring.rds.amazonaws.com may assume."
    ),
).for_each(INSTANCE, CLUSTER_INSTANCE)
def database_enhanced_monitoring(database: Checked) -> None:
    database.must_reach("monitoringInterval", 1, unset=0)
    with database.unknowns_noted():
        if not database.get("monitoringRoleArn"):
            database.fails("monitoringRoleArn", seen="not set", wanted="the ARN of a role")


@Rule(
    name="database-performance-insights",
    description="Production's databases record what they wait for, query by query.",
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.CHECKOV, "CKV_AWS_353"),),
    remediation="Set performanceInsightsEnabled to true; a week is free of charge.",
).for_each(INSTANCE, CLUSTER_INSTANCE)
def database_performance_insights(database: Checked) -> None:
    database.must_be_true("performanceInsightsEnabled")


@Rule(
    name="database-critical-events",
    description=(
        "A subscription to events of database instances in production contains the critical ones:"
        " a failure that nobody subscribed to reaches nobody."
    ),
    severity=Severity.LOW,
    scope=Scope.PRODUCTION,
    references=(Reference(Framework.FSBP, "RDS.20"),),
    settings=(
        Setting(
            "categories",
            "Categories that a subscription contains at least",
            ["maintenance", "configuration change", "failure"],
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ),
    ),
    remediation="Add the categories to eventCategories, or leave it out for all, and enable it.",
).for_each("aws:rds/eventSubscription:EventSubscription")
def database_critical_events(subscription: Checked) -> None:
    # None means every kind of source.
    if subscription.get("sourceType") not in (None, "db-instance"):
        return
    with subscription.unknowns_noted():
        if subscription.get("enabled") is False:
            subscription.fails("enabled", seen="false", wanted="true")
    if not (categories := subscription.get("eventCategories")):
        return
    for category in subscription.setting("categories"):
        if not _is_among(category, categories):
            subscription.fails(
                "eventCategories", seen=f"without {category}", wanted=f"with {category}"
            )
