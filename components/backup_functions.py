"""What backs up by itself: the functions, their times, and what each of them may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pulumi

from components.backup import TIME_ZONE
from components.documents import Statement
from components.function import Function, FunctionArgs, FunctionOutputs, ScheduledEvent
from components.naming import Names
from components.settings.functions import FunctionsSettings

# Deployment documentation, "Automated Backup Script". The database's windows keep clear of it:
# components/settings/windows.py.
DAILY: Final = "cron(0 2 * * ? *)"
FOLLOW_UP: Final = "rate(15 minutes)"
HOURLY: Final = "rate(1 hour)"
# Rates begin with the stack, whose first parameter backup should be there when it is looked for.
HALF_PAST: Final = "cron(30 * * * ? *)"

# Below which operations/ writes the parameters' backups.
PARAMETERS_FOLDER: Final = "parameters"
# How operations/ names the snapshots that it takes and prunes.
SNAPSHOTS: Final = "manual-backup-"

# StartExportTask, `KmsKeyId`: what who calls it must be allowed to do with the key.
EXPORT_KEY_ACTIONS: Final = (
    *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
    *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "kms:RetireGrant",
)


@dataclass(frozen=True)
class BackupFunctionsArgs:
    """Inputs of `BackupFunctions`.

    `export_role_arn` is what RDS writes exports with. Database and bucket have keys of their own,
    which may be the same; `log_key_arn` and `messages_key_arn` are as those of `Function`.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: FunctionsSettings
    database_arn: pulumi.Input[str]
    database_key_arn: pulumi.Input[str]
    parameters_key_arn: pulumi.Input[str]
    export_bucket_name: pulumi.Input[str]
    export_bucket_arn: pulumi.Input[str]
    export_bucket_key_arn: pulumi.Input[str]
    export_role_arn: pulumi.Input[str]
    audit_group_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    messages_key_arn: pulumi.Input[str]


class _Task(NamedTuple):
    """What one function is about; `hours` are those within which it must succeed once."""

    description: str
    hours: int
    schedules: Mapping[str, ScheduledEvent]
    statements: Sequence[Statement]
    environment: Mapping[str, pulumi.Input[str]]


class BackupFunctions(pulumi.ComponentResource):
    """`aussie-markets:backup-functions:BackupFunctions`: backups that need nobody to begin them.

    - `aussie-markets:function:Function` `backup`: a snapshot a night, its export, and what became
      of it.
    - `aussie-markets:function:Function` `parameter-backup`: Parameter Store to S3, each hour.
    - `aussie-markets:function:Function` `backup-freshness`: whether both are there and good.
    """

    functions: Mapping[str, FunctionOutputs]
    """By short name."""
    heartbeats: Mapping[str, int]
    """Hours within which each function must have succeeded once, by short name."""

    def __init__(
        self, name: str, args: BackupFunctionsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:backup-functions:BackupFunctions", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tasks = {
            "backup": _backup(args),
            "parameter-backup": _parameter_backup(args),
            "backup-freshness": _backup_freshness(args),
        }
        self.functions = {
            function: Function(
                # Short, since roles are named by it too: IAM takes 64 characters.
                f"{args.names.prefix}-{function}",
                FunctionArgs(
                    names=args.names,
                    region=args.region,
                    account_id=args.account_id,
                    settings=args.settings,
                    function=function,
                    handler=f"operations.handlers.{function.replace('-', '_')}.handler",
                    description=task.description,
                    environment={"EXPORT_BUCKET": args.export_bucket_name, **task.environment},
                    statements=task.statements,
                    schedules=task.schedules,
                    time_zone=TIME_ZONE,
                    log_key_arn=args.log_key_arn,
                    messages_key_arn=args.messages_key_arn,
                ),
                child,
            ).outputs
            for function, task in tasks.items()
        }
        self.heartbeats = {function: task.hours for function, task in tasks.items()}
        self.register_outputs(
            {
                "functions": {name: each._asdict() for name, each in self.functions.items()},
                "heartbeats": dict(self.heartbeats),
            }
        )


def _backup(args: BackupFunctionsArgs) -> _Task:
    environment = args.names.environment
    own_snapshots = _snapshots(args, f"{SNAPSHOTS}{environment}-*")
    return _Task(
        description="Takes a snapshot of the database each night and exports it to S3",
        # A night, and two hours in which the export may end later.
        hours=26,
        schedules={
            "daily": ScheduledEvent(DAILY, {"step": "begin"}),
            "follow-up": ScheduledEvent(FOLLOW_UP, {"step": "go on"}),
        },
        environment={"EXPORT_ROLE_ARN": args.export_role_arn},
        statements=[
            *_looking_at_backups(args),
            {
                "Sid": "TakeSnapshot",
                "Effect": "Allow",
                "Action": "rds:CreateDBSnapshot",
                "Resource": [args.database_arn, own_snapshots],
            },
            {
                "Sid": "ExportAndRecord",
                "Effect": "Allow",
                "Action": ["rds:AddTagsToResource", "rds:StartExportTask"],
                "Resource": own_snapshots,
            },
            {
                # People choose the end of the name, and the tag says whose snapshot it is.
                "Sid": "Prune",
                "Effect": "Allow",
                "Action": "rds:DeleteDBSnapshot",
                "Resource": _snapshots(args, f"{SNAPSHOTS}*"),
                "Condition": {"StringEquals": {"aws:ResourceTag/Environment": environment}},
            },
            {
                "Sid": "PassExportRole",
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": args.export_role_arn,
                "Condition": {"StringEquals": {"iam:PassedToService": "export.rds.amazonaws.com"}},
            },
            {
                "Sid": "ExportKey",
                "Effect": "Allow",
                "Action": list(EXPORT_KEY_ACTIONS),
                "Resource": args.database_key_arn,
                "Condition": _through("rds", args),
            },
            {
                # RDS needs the key after the call that began the export.
                "Sid": "ExportKeyGrant",
                "Effect": "Allow",
                "Action": "kms:CreateGrant",
                "Resource": args.database_key_arn,
                "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            },
            _audit(args),
        ],
    )


def _parameter_backup(args: BackupFunctionsArgs) -> _Task:
    names = args.names
    return _Task(
        description="Writes the parameters to S3 each hour, each secret sealed for itself",
        hours=2,
        schedules={"hourly": ScheduledEvent(HOURLY, {})},
        environment={},
        statements=[
            {
                # The action knows no resources.
                "Sid": "ListParameters",
                "Effect": "Allow",
                "Action": "ssm:DescribeParameters",
                "Resource": "*",
            },
            {
                "Sid": "ReadParameters",
                "Effect": "Allow",
                "Action": "ssm:GetParametersByPath",
                "Resource": [
                    pulumi.Output.concat(
                        f"arn:aws:ssm:{args.region}:", args.account_id, f":parameter{path}"
                    )
                    for path in (names.parameters, names.parameter("*"))
                ],
            },
            {
                "Sid": "OpenParameters",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": args.parameters_key_arn,
                "Condition": _through("ssm", args),
            },
            {
                # Each secret is bound to the name of its parameter.
                "Sid": "SealParameters",
                "Effect": "Allow",
                "Action": "kms:Encrypt",
                "Resource": args.parameters_key_arn,
                "Condition": {
                    "StringLike": {
                        "kms:EncryptionContext:aussie-markets:parameter": names.parameter("*")
                    }
                },
            },
            {
                "Sid": "WriteBackup",
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": pulumi.Output.concat(args.export_bucket_arn, f"/{_folder(args)}*"),
            },
            {
                "Sid": "BucketKey",
                "Effect": "Allow",
                "Action": "kms:GenerateDataKey",
                "Resource": args.export_bucket_key_arn,
                "Condition": _through("s3", args),
            },
            _audit(args),
        ],
    )


def _backup_freshness(args: BackupFunctionsArgs) -> _Task:
    return _Task(
        description="Checks each hour that backups and points in time are fresh and can be read",
        hours=2,
        schedules={"hourly": ScheduledEvent(HALF_PAST, {})},
        environment={},
        statements=[
            *_looking_at_backups(args),
            {
                "Sid": "LookAtKey",
                "Effect": "Allow",
                "Action": "kms:DescribeKey",
                "Resource": args.database_key_arn,
            },
            {
                "Sid": "ListBackups",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": args.export_bucket_arn,
                "Condition": {"StringLike": {"s3:prefix": f"{_folder(args)}*"}},
            },
        ],
    )


def _looking_at_backups(args: BackupFunctionsArgs) -> list[Statement]:
    return [
        {
            "Sid": "LookAtDatabase",
            "Effect": "Allow",
            "Action": "rds:DescribeDBInstances",
            "Resource": args.database_arn,
        },
        {
            # Lists of snapshots and exports name no resource. Without their tags, which RDS shows
            # to those alone who may list them, records would say nothing.
            "Sid": "LookAtBackups",
            "Effect": "Allow",
            "Action": [
                "rds:DescribeDBSnapshots",
                "rds:DescribeExportTasks",
                "rds:ListTagsForResource",
            ],
            "Resource": "*",
        },
    ]


def _audit(args: BackupFunctionsArgs) -> Statement:
    return {
        "Sid": "Audit",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": pulumi.Output.concat(args.audit_group_arn, ":*"),
    }


def _through(service: str, args: BackupFunctionsArgs) -> Mapping[str, Mapping[str, str]]:
    """The condition that a key is used by a service on the function's behalf."""
    return {"StringEquals": {"kms:ViaService": f"{service}.{args.region}.amazonaws.com"}}


def _snapshots(args: BackupFunctionsArgs, pattern: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(
        f"arn:aws:rds:{args.region}:", args.account_id, f":snapshot:{pattern}"
    )


def _folder(args: BackupFunctionsArgs) -> str:
    return f"{PARAMETERS_FOLDER}/{args.names.environment}/"
