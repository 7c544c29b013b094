"""The database's exact inputs and options, and its URL."""

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pulumi
import pytest

from components.database import Database, DatabaseArgs, database_url
from components.naming import Names
from components.settings import secret_output
from tests.unit.conftest import ACCOUNT_ID, SECRETS, SENTINEL, Deployment, deploy, settings_of

DATABASE = "aussie-markets:database:Database"
INSTANCE = "aws:rds/instance:Instance"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

# Everything that RDS takes.
PASSWORD = "".join(chr(code) for code in range(33, 127) if chr(code) not in '/"@')


def database(
    stack: str = "staging",
    *,
    password: str = SECRETS["database_password"],
    preview: bool = False,
    urls: list[str] | None = None,
    **values: object,
) -> Deployment:
    settings = settings_of(stack, {"database": values})

    def program() -> None:
        component = Database(
            "db",
            DatabaseArgs(
                names=Names(settings.environment),
                region=settings.stack.region,
                settings=settings.database,
                account_id=ACCOUNT_ID,
                subnet_ids=["subnet-1", "subnet-2"],
                security_group_id="sg-database",
                kms_key_arn="arn:data-key",
                log_key_arn="arn:log-key",
                password=secret_output(settings.secrets.database_password)
                if password == SECRETS["database_password"]
                else pulumi.Output.secret(password),
            ),
        )
        if urls is not None:
            component.url.apply(urls.append)

    return deploy(program, stack, preview=preview)


COUNTS = {
    DATABASE: 1,
    INSTANCE: 1,
    PARAMETER_GROUP: 1,
    SUBNET_GROUP: 1,
    LOG_GROUP: 2,
    ROLE: 1,
    ATTACHMENT: 1,
}


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_counts_do_not_depend_on_what_aws_answers(stack: str, preview: bool) -> None:
    assert database(stack, preview=preview).counts() == COUNTS
    with_replicas = database(stack, preview=preview, read_replicas=2)
    assert with_replicas.counts() == COUNTS | {INSTANCE: 3, LOG_GROUP: 6}


@BOTH
def test_options_of_the_children(stack: str) -> None:
    deployment = database(stack, read_replicas=1)
    component = deployment.only(DATABASE)
    for child in deployment.resources:
        if child is component:
            continue
        assert child.parent == component.urn
        assert child.name.startswith("db-")
        assert not child.retain_on_delete
        assert child.aliases == ()
        main = child.name == "db-instance"
        # Lifted on purpose by the setting, with RDS's own protection.
        assert child.protect == (main and stack == "production")
        assert child.delete_before_replace == (child.type == INSTANCE)
        assert child.ignore_changes == (("snapshotIdentifier",) if main else ())


COMMON: dict[str, Any] = {
    "storageType": "gp3",
    "storageEncrypted": True,
    "kmsKeyId": "arn:data-key",
    "port": 5432,
    "vpcSecurityGroupIds": ["sg-database"],
    "publiclyAccessible": False,
    "caCertIdentifier": "rds-ca-rsa2048-g1",
    "iamDatabaseAuthenticationEnabled": True,
    "parameterGroupName": "db-parameters-a1b2c3d",
    "autoMinorVersionUpgrade": True,
    "applyImmediately": False,
    "maintenanceWindow": "sat:20:30-sat:21:30",
    "copyTagsToSnapshot": True,
    "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
    "monitoringInterval": 60,
    "monitoringRoleArn": "arn:aws:mock:::role/db-monitoring-arn",
    "performanceInsightsEnabled": True,
    "performanceInsightsKmsKeyId": "arn:data-key",
    "performanceInsightsRetentionPeriod": 7,
    "databaseInsightsMode": "standard",
}
DIFFERENCES: dict[str, dict[str, Any]] = {
    "staging": {"instanceClass": "db.t3.micro", "maxAllocatedStorage": 100},
    "production": {"instanceClass": "db.r6g.large", "maxAllocatedStorage": 1000},
}


@BOTH
def test_the_instance_as_documented(stack: str) -> None:
    instance = database(stack).only(INSTANCE)
    production = stack == "production"
    assert instance.name == "db-instance"
    assert instance.inputs == COMMON | DIFFERENCES[stack] | {
        "identifier": f"aussie-markets-db-{stack}",
        "engine": "postgres",
        "engineVersion": "15",
        "dbName": f"aussie_markets_{stack}",
        "username": "aussiemarkets",
        "passwordWo": SECRETS["database_password"],
        "passwordWoVersion": 1001,
        "allocatedStorage": 20,
        "dbSubnetGroupName": "db-subnets-a1b2c3d",
        "multiAz": production,
        "backupRetentionPeriod": 30 if production else 7,
        "backupWindow": "12:30-13:30",
        "tags": {"Backup": stack},
        "deletionProtection": production,
        "deleteAutomatedBackups": False,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": f"aussie-markets-db-{stack}-final-1",
    }
    assert instance.secret_inputs == {"passwordWo"}


@BOTH
def test_replicas_have_nothing_of_their_own_and_no_final_snapshot(stack: str) -> None:
    replicas = database(stack, read_replicas=2).of(INSTANCE)
    del replicas["db-instance"]
    for number in (1, 2):
        replica = replicas.pop(f"db-replica-{number}")
        assert replica.inputs == COMMON | DIFFERENCES[stack] | {
            "identifier": f"aussie-markets-db-{stack}-replica-{number}",
            "replicateSourceDb": f"aussie-markets-db-{stack}",
            "multiAz": False,
            "deletionProtection": False,
            "skipFinalSnapshot": True,
        }
        assert not replica.secret_inputs
    assert replicas == {}


@pytest.mark.parametrize(("stack", "connections"), [("staging", "100"), ("production", "1600")])
def test_parameters_fit_the_version_and_static_ones_wait_for_a_restart(
    stack: str, connections: str
) -> None:
    assert database(stack).only(PARAMETER_GROUP).inputs == {
        "family": "postgres15",
        "description": f"PostgreSQL of {stack}",
        "parameters": [
            {"name": name, "value": value, "applyMethod": method}
            for name, value, method in (
                ("log_min_duration_statement", "1000", "immediate"),
                ("log_statement", "ddl", "immediate"),
                ("max_connections", connections, "pending-reboot"),
                ("rds.force_ssl", "1", "immediate"),
                ("shared_preload_libraries", "pg_stat_statements", "pending-reboot"),
            )
        ],
    }


def test_subnets() -> None:
    assert database().only(SUBNET_GROUP).inputs == {
        "description": "Private subnets of staging",
        "subnetIds": ["subnet-1", "subnet-2"],
    }


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_log_groups_are_there_before_rds_makes_them(stack: str, days: int) -> None:
    deployment = database(stack, read_replicas=1)
    instances = {
        "db-instance": ("", f"aussie-markets-db-{stack}"),
        "db-replica-1": ("replica-1-", f"aussie-markets-db-{stack}-replica-1"),
    }
    for name, (label, identifier) in instances.items():
        for export in ("postgresql", "upgrade"):
            group = deployment.of(LOG_GROUP)[f"db-{label}{export}"]
            assert group.inputs == {
                "name": f"/aws/rds/instance/{identifier}/{export}",
                "retentionInDays": days,
                "kmsKeyId": "arn:log-key",
            }
            assert group.urn in deployment.of(INSTANCE)[name].depends_on


def test_enhanced_monitoring_has_a_role_of_its_own() -> None:
    deployment = database(read_replicas=1)
    role, attachment = deployment.only(ROLE), deployment.only(ATTACHMENT)
    assert role.inputs.keys() == {"description", "assumeRolePolicy"}
    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "monitoring.rds.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
                "ArnLike": {
                    "aws:SourceArn": (
                        f"arn:aws:rds:ap-southeast-2:{ACCOUNT_ID}:db:aussie-markets-db-staging*"
                    )
                },
            },
        }
    ]
    assert attachment.inputs == {
        "role": "db-monitoring-a1b2c3d",
        "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    }
    for instance in deployment.of(INSTANCE).values():
        assert attachment.urn in instance.depends_on


def test_a_full_version_is_never_a_downgrade() -> None:
    instance = database(engine_version="15.14").only(INSTANCE)
    assert instance.inputs["engineVersion"] == "15.14"
    assert instance.ignore_changes == ("snapshotIdentifier", "engineVersion")


def test_a_new_instance_may_start_from_a_snapshot() -> None:
    instance = database(snapshot_identifier="aussie-markets-db-staging-final-1", generation=2)
    inputs = instance.only(INSTANCE).inputs
    assert inputs["snapshotIdentifier"] == "aussie-markets-db-staging-final-1"
    assert inputs["finalSnapshotIdentifier"] == "aussie-markets-db-staging-final-2"
    assert inputs["passwordWoVersion"] == 2001


def test_a_snapshot_replaces_the_database_only_where_a_second_setting_says_so() -> None:
    rebuilt = database(snapshot_identifier="before-the-accident", rebuild_from_snapshot=True)
    assert rebuilt.only(INSTANCE).ignore_changes == ()


@pytest.mark.parametrize("password", [PASSWORD, PASSWORD[::-1], "%41%2F+ok:", SENTINEL])
def test_the_url_reads_back(password: str) -> None:
    urls: list[str] = []
    database(password=password, urls=urls)
    (url,) = urls
    parts = urlsplit(url)
    assert parts.scheme == "postgresql"
    assert unquote(parts.username or "") == "aussiemarkets"
    assert unquote(parts.password or "") == password
    assert parts.hostname == "db-instance.database.example"
    assert parts.port == 5432
    assert parts.path == "/aussie_markets_staging"
    assert parse_qs(parts.query) == {"sslmode": ["verify-full"]}


def test_every_symbol_alone_reads_back() -> None:
    for symbol in map(chr, range(33, 127)):
        parts = urlsplit(database_url("user", symbol, "host", "database"))
        assert unquote(parts.password or "") == symbol
        assert (parts.hostname, parts.port, parts.path) == ("host", 5432, "/database")


def test_registered_outputs() -> None:
    deployment = database(read_replicas=1)
    urn = deployment.only(DATABASE).urn
    url = deployment.outputs[urn].pop("url")
    assert url.endswith(
        "@db-instance.database.example:5432/aussie_markets_staging?sslmode=verify-full"
    )
    assert deployment.clear_outputs[urn].pop("url") == "[secret]"
    assert deployment.outputs[urn] == deployment.clear_outputs[urn]
    assert deployment.outputs[urn] == {
        "identifier": "aussie-markets-db-staging",
        "arn": "arn:aws:mock:::instance/db-instance-arn",
        "subnet_group_name": "db-subnets-a1b2c3d",
        "address": "db-instance.database.example",
        "replica_identifiers": ["aussie-markets-db-staging-replica-1"],
        "log_group_names": [
            f"/aws/rds/instance/aussie-markets-db-staging{replica}/{export}"
            for replica in ("", "-replica-1")
            for export in ("postgresql", "upgrade")
        ],
    }


def test_arguments_do_not_show_the_password() -> None:
    shown: list[str] = []

    def program() -> None:
        settings = settings_of("staging")
        args = DatabaseArgs(
            names=Names("staging"),
            region="ap-southeast-2",
            settings=settings.database,
            account_id=ACCOUNT_ID,
            subnet_ids=[],
            security_group_id="sg",
            kms_key_arn="arn:key",
            log_key_arn="arn:key",
            password=secret_output(settings.secrets.database_password),
        )
        shown.append(repr(args))

    deploy(program)
    assert "DatabaseArgs" in shown[0]
    assert SENTINEL not in shown[0]
