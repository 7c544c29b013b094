"""The functions that back up: when they run, and that each may do its work and nothing else."""

import inspect
import json
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

import pytest

from components.backup_functions import (
    DAILY,
    PARAMETERS_FOLDER,
    SNAPSHOTS,
    BackupFunctions,
    BackupFunctionsArgs,
)
from components.naming import OPERATIONS_NAMESPACE, Names
from components.rights import document
from components.rights.boundary import boundary
from components.settings.windows import OTHER_BACKUPS
from operations import backup, daily_backup, parameters
from operations.handlers import backup as backup_handler
from operations.handlers import backup_freshness, parameter_backup, surroundings
from operations.platform import Platform
from tests.unit.conftest import ACCOUNT_ID, Deployment, RunOnce, deploy, settings_of
from tests.unit.iam import Request, allowed
from tests.unit.test_rights import formats, known_actions, listed, may, scope

FUNCTIONS: Final = "aussie-markets:backup-functions:BackupFunctions"
FUNCTION: Final = "aussie-markets:function:Function"
LAMBDA: Final = "aws:lambda/function:Function"
SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
RIGHTS: Final = "aws:iam/rolePolicy:RolePolicy"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

REGION: Final = "ap-southeast-2"
HANDLERS: Final[Mapping[str, ModuleType]] = {
    "backup": backup_handler,
    "parameter-backup": parameter_backup,
    "backup-freshness": backup_freshness,
}


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


DATABASE: Final = arn("rds", "db:aussie-markets-db-staging")
DATABASE_KEY: Final = arn("kms", "key/database")
PARAMETERS_KEY: Final = arn("kms", "key/parameters")
BUCKET_KEY: Final = arn("kms", "key/bucket")
MESSAGES_KEY: Final = arn("kms", "key/messages")
BUCKET: Final = "arn:aws:s3:::aussie-markets-staging-backup-exports-bucket-1a2b3c4"
EXPORT_ROLE: Final = f"arn:aws:iam::{ACCOUNT_ID}:role/aussie-markets-staging-backup-export-1a2b3c4"
AUDIT: Final = arn("logs", "log-group:/aussie-markets/staging/audit")
STREAM: Final = f"{AUDIT}:log-stream:operations"
OURS: Final = {
    "aws:ResourceTag/Project": "aussie-markets",
    "aws:ResourceTag/Environment": "staging",
}


@RunOnce
def functions(stack: str = "staging", *, preview: bool = False) -> Deployment:
    settings = settings_of(stack)
    names = Names(settings.environment)

    def program() -> None:
        BackupFunctions(
            "functions",
            BackupFunctionsArgs(
                names=names,
                region=REGION,
                account_id=ACCOUNT_ID,
                settings=settings.functions,
                database_arn=DATABASE,
                database_key_arn=DATABASE_KEY,
                parameters_key_arn=PARAMETERS_KEY,
                export_bucket_name=BUCKET.rpartition(":")[2],
                export_bucket_arn=BUCKET,
                export_bucket_key_arn=BUCKET_KEY,
                export_role_arn=EXPORT_ROLE,
                audit_group_arn=AUDIT,
                log_key_arn="arn:log-key",
                messages_key_arn=MESSAGES_KEY,
            ),
        )

    return deploy(program, stack, preview=preview)


def rights(function: str) -> str:
    policy: str = (
        functions().of(RIGHTS)[f"aussie-markets-staging-{function}-lambda"].inputs["policy"]
    )
    return policy


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_the_functions(stack: str, preview: bool) -> None:
    deployment = functions(stack, preview=preview)
    component = deployment.only(FUNCTIONS)
    made = deployment.of(FUNCTION)
    assert made.keys() == {f"aussie-markets-{stack}-{function}" for function in HANDLERS}
    assert {each.parent for each in made.values()} == {component.urn}
    for function, handler in HANDLERS.items():
        inputs = deployment.of(LAMBDA)[f"aussie-markets-{stack}-{function}-code"].inputs
        assert inputs["name"] == f"aussie-markets-{function}-{stack}"
        assert inputs["handler"] == f"{handler.__name__}.handler"
        assert f"{handler.__name__.replace('.', '/')}.py" in inputs["code"]["assets"]
        # They reach AWS alone.
        assert "vpcConfig" not in inputs


@BOTH
def test_each_function_gets_the_variables_that_its_handler_reads(stack: str) -> None:
    for function, handler in HANDLERS.items():
        inputs = functions(stack).of(LAMBDA)[f"aussie-markets-{stack}-{function}-code"].inputs
        read = {
            name
            for module in (handler, surroundings)
            for name in re.findall(r'\bsetting\("(\w+)"\)', inspect.getsource(module))
        }
        assert read <= inputs["environment"]["variables"].keys() | {"AWS_REGION"}
        assert inputs["environment"]["variables"] == {
            "ENVIRONMENT": stack,
            "EXPORT_BUCKET": BUCKET.rpartition(":")[2],
            **({"EXPORT_ROLE_ARN": EXPORT_ROLE} if function == "backup" else {}),
        }


def test_when_they_run() -> None:
    found = {
        name.removeprefix("aussie-markets-staging-"): (
            each.inputs["scheduleExpression"],
            json.loads(each.inputs["target"]["input"]),
        )
        for name, each in functions().of(SCHEDULE).items()
    }
    assert found == {
        "backup-daily": ("cron(0 2 * * ? *)", {"step": backup_handler.BEGIN}),
        "backup-follow-up": ("rate(15 minutes)", {"step": backup_handler.GO_ON}),
        "parameter-backup-hourly": ("rate(1 hour)", {}),
        "backup-freshness-hourly": ("cron(30 * * * ? *)", {}),
    }
    zones = {
        each.inputs["scheduleExpressionTimezone"] for each in functions().of(SCHEDULE).values()
    }
    assert zones == {"Australia/Brisbane"}


def test_the_night_is_the_same_everywhere() -> None:
    """In the schedule, in the handler's own clock, and for the database's windows."""
    assert f"cron(0 {daily_backup.HOUR} * * ? *)" == DAILY
    ahead = daily_backup.ZONE.utcoffset(None)
    assert OTHER_BACKUPS["the snapshot export"] == (
        (daily_backup.HOUR * 60 - ahead.total_seconds() // 60) % (24 * 60)
    )


def test_names_are_those_of_the_code() -> None:
    assert SNAPSHOTS == backup.MANUAL
    assert PARAMETERS_FOLDER == parameters.FOLDER
    assert OPERATIONS_NAMESPACE == surroundings.NAMESPACE
    assert Names("staging").parameters == Platform("staging").parameters_path


def test_what_the_alarms_get() -> None:
    deployment = functions()
    outputs = deployment.outputs[deployment.only(FUNCTIONS).urn]
    assert outputs["heartbeats"] == {
        "backup": backup.FRESH_HOURS,
        "parameter-backup": 2,
        "backup-freshness": 2,
    }
    assert {name: each["name"] for name, each in outputs["functions"].items()} == {
        name: f"aussie-markets-{name}-staging" for name in HANDLERS
    }


def through(service: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}


def snapshot(name: str) -> str:
    return arn("rds", f"snapshot:{name}")


DAILY_SNAPSHOT: Final = snapshot("manual-backup-staging-daily-20270131")
PARAMETER: Final = "/aussie-markets/staging/jwt-secret"
SEALED: Final = "kms:EncryptionContext:aussie-markets:parameter"

LOOKING: Final = [
    Request("rds:DescribeDBInstances", DATABASE),
    Request("rds:DescribeDBSnapshots"),
    Request("rds:DescribeDBSnapshots", DATABASE),
    Request("rds:DescribeExportTasks"),
    Request("rds:ListTagsForResource", DAILY_SNAPSHOT),
]
AUDITING: Final = [Request("logs:CreateLogStream", STREAM), Request("logs:PutLogEvents", STREAM)]

MAY: Final[Mapping[str, list[Request]]] = {
    "backup": [
        *LOOKING,
        *AUDITING,
        Request("rds:CreateDBSnapshot", DATABASE),
        Request("rds:CreateDBSnapshot", DAILY_SNAPSHOT),
        Request("rds:AddTagsToResource", DAILY_SNAPSHOT),
        Request("rds:StartExportTask", DAILY_SNAPSHOT),
        Request("rds:DeleteDBSnapshot", DAILY_SNAPSHOT, OURS),
        Request("rds:DeleteDBSnapshot", snapshot("manual-backup-easter"), OURS),
        Request("iam:PassRole", EXPORT_ROLE, {"iam:PassedToService": "export.rds.amazonaws.com"}),
        Request("kms:CreateGrant", DATABASE_KEY, {**OURS, "kms:GrantIsForAWSResource": "true"}),
        *(
            Request(f"kms:{action}", DATABASE_KEY, {**OURS, **through("rds")})
            for action in (
                *("DescribeKey", "Encrypt", "Decrypt", "GenerateDataKey", "RetireGrant"),
                *("GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
            )
        ),
    ],
    "parameter-backup": [
        *AUDITING,
        Request("ssm:DescribeParameters"),
        Request("ssm:GetParametersByPath", arn("ssm", "parameter/aussie-markets/staging")),
        Request("ssm:GetParametersByPath", arn("ssm", "parameter/aussie-markets/staging/release")),
        Request("kms:Decrypt", PARAMETERS_KEY, {**OURS, **through("ssm")}),
        Request("kms:Encrypt", PARAMETERS_KEY, {**OURS, SEALED: PARAMETER}),
        Request("s3:PutObject", f"{BUCKET}/parameters/staging/20270131T010203000000Z.json"),
        Request("kms:GenerateDataKey", BUCKET_KEY, {**OURS, **through("s3")}),
    ],
    "backup-freshness": [
        *LOOKING,
        Request("kms:DescribeKey", DATABASE_KEY),
        Request("s3:ListBucket", BUCKET, {"s3:prefix": "parameters/staging/"}),
    ],
}

EVERYBODY: Final = [
    Request("iam:PassRole", EXPORT_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
    Request(
        "iam:PassRole", f"{EXPORT_ROLE}-2", {"iam:PassedToService": "export.rds.amazonaws.com"}
    ),
    Request("rds:CreateDBSnapshot", arn("rds", "db:aussie-markets-db-production")),
    Request("rds:DeleteDBInstance", DATABASE),
    Request("rds:ModifyDBInstance", DATABASE),
    Request("rds:RestoreDBInstanceFromDBSnapshot", DAILY_SNAPSHOT),
    Request("rds:ModifyDBSnapshotAttribute", DAILY_SNAPSHOT),
    Request("rds:CopyDBSnapshot", DAILY_SNAPSHOT),
    Request("rds:StartExportTask", snapshot("manual-backup-production-daily-20270131")),
    Request("rds:AddTagsToResource", DATABASE),
    Request("rds:DeleteDBSnapshot", DAILY_SNAPSHOT),
    Request("rds:DeleteDBSnapshot", snapshot("pre-migration-staging-20270131"), OURS),
    Request("rds:DeleteDBSnapshot", snapshot("aussie-markets-db-staging-final-1"), OURS),
    Request(
        "rds:DeleteDBSnapshot",
        snapshot("manual-backup-production-daily-20270131"),
        {"aws:ResourceTag/Environment": "production"},
    ),
    Request("ssm:GetParameter", arn("ssm", "parameter/aussie-markets/staging/jwt-secret")),
    Request("ssm:PutParameter", arn("ssm", "parameter/aussie-markets/staging/jwt-secret")),
    Request("ssm:GetParametersByPath", arn("ssm", "parameter/aussie-markets/production")),
    Request("kms:CreateGrant", DATABASE_KEY, OURS),
    Request("kms:Decrypt", DATABASE_KEY, OURS),
    Request("kms:Decrypt", PARAMETERS_KEY, OURS),
    Request("kms:Encrypt", PARAMETERS_KEY, OURS),
    Request("kms:Encrypt", PARAMETERS_KEY, {SEALED: "/aussie-markets/production/jwt-secret"}),
    Request("kms:Decrypt", BUCKET_KEY, {**OURS, **through("s3")}),
    Request("kms:ScheduleKeyDeletion", DATABASE_KEY, OURS),
    Request("s3:PutObject", f"{BUCKET}/parameters/production/1.json"),
    Request("s3:PutObject", f"{BUCKET}/database/staging/1.parquet"),
    Request("s3:GetObject", f"{BUCKET}/database/staging/1.parquet"),
    Request("s3:GetObject", f"{BUCKET}/parameters/staging/1.json"),
    Request("s3:ListBucket", BUCKET, {"s3:prefix": "database/staging/"}),
    Request("s3:ListBucket", BUCKET),
    Request("s3:DeleteObject", f"{BUCKET}/parameters/staging/1.json"),
    Request("logs:CreateLogGroup", AUDIT),
    Request("logs:DeleteLogStream", STREAM),
    Request("sts:AssumeRole", EXPORT_ROLE),
]


@pytest.mark.parametrize("function", list(MAY))
def test_each_may_do_its_work_and_the_boundary_lets_it(function: str) -> None:
    policy, most = rights(function), [boundary(scope())]
    for request in MAY[function]:
        assert allowed(policy, request), request
        assert may(most, request), request


@pytest.mark.parametrize("function", list(MAY))
def test_none_may_do_more(function: str) -> None:
    policy = rights(function)
    for request in EVERYBODY:
        assert not allowed(policy, request), request


@pytest.mark.parametrize("function", list(MAY))
def test_none_may_do_the_work_of_another(function: str) -> None:
    policy = rights(function)
    own = [(request.action, request.resource) for request in MAY[function]]
    for other in MAY.keys() - {function}:
        for request in MAY[other]:
            if (request.action, request.resource) not in own:
                assert not allowed(policy, request), request


@pytest.mark.parametrize("function", list(MAY))
def test_every_right_is_one_of_aws_and_used(function: str) -> None:
    """Nothing is granted that no request above needs, nor on what the action does not know."""
    common = {
        *("logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "kms:Decrypt"),
        *("kms:GenerateDataKey", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        "cloudwatch:PutMetricData",
    }
    granted: set[str] = set()
    for statement in json.loads(rights(function))["Statement"]:
        resources = [each for each in listed(statement["Resource"]) if ":mock:" not in each]
        for action in listed(statement["Action"]):
            assert "*" not in action
            (described,) = known_actions(action).values()
            granted.add(action)
            service = action.split(":")[0]
            known = [
                pattern
                for kind in described.get("Resources") or ()
                for pattern in formats(service, kind)
            ]
            for resource in set(resources) - {"*"}:
                assert any(each.fullmatch(resource.replace("*", "x")) for each in known), action
    assert granted == common | {request.action for request in MAY[function]}


def test_two_documents_never_share_a_sid() -> None:
    for function in MAY:
        sids = [each["Sid"] for each in json.loads(rights(function))["Statement"]]
        assert len(sids) == len(set(sids))


def test_policies_fit_a_role() -> None:
    """IAM, "IAM and AWS STS quotas": characters of all inline policies of a role."""
    for function in MAY:
        statements: Any = json.loads(rights(function))["Statement"]
        assert len(document(statements)) < 10240
