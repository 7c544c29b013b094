"""What people's debug tasks may do."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.documents import Statement
from components.naming import Names
from components.roles import role_with_rights
from components.task_roles import program_statements, task_trust


@dataclass(frozen=True)
class DebugTasksArgs:
    """Inputs of `DebugTasks`.

    `session_key_arn` and `session_log_group_arn` are what the cluster encrypts sessions with and
    logs them into. `written_log_group_arns` are those that the API itself may write.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    session_key_arn: pulumi.Input[str]
    session_log_group_arn: pulumi.Input[str]
    written_log_group_arns: Sequence[pulumi.Input[str]]


class DebugTasks(pulumi.ComponentResource):
    """`aussie-markets:debug:DebugTasks`: what `operations exec` needs to let people look inside.

    - `aws.iam.Role`, `aws.iam.RolePolicy`: what the program may, so that what is seen is what the
      program sees, and what ECS Exec needs beside it. No service has this role: none can be
      entered.
    """

    role_arn: pulumi.Output[str]
    """Known once the role has its rights."""

    def __init__(
        self, name: str, args: DebugTasksArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:debug:DebugTasks", name, None, opts)
        role, rights = role_with_rights(
            f"{name}-task",
            f"Runs in debug tasks of {args.names.environment}",
            task_trust(args.region, args.account_id),
            [*program_statements(args.written_log_group_arns), *_session_statements(args)],
            pulumi.ResourceOptions(parent=self),
        )
        self.role_arn = pulumi.Output.all(role.arn, rights.id).apply(lambda known: str(known[0]))
        self.register_outputs({"role_arn": self.role_arn})


def _session_statements(args: DebugTasksArgs) -> list[Statement]:
    """ECS developer guide, "Monitor Amazon ECS containers with ECS Exec"."""
    return [
        {
            # The actions know no resources.
            "Sid": "Session",
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": "*",
        },
        {
            # The key may be that of other things too: Session Manager names the task that is
            # entered in the context.
            "Sid": "SessionKey",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": args.session_key_arn,
            "Condition": {
                "StringLike": {
                    "kms:EncryptionContext:aws:ssm:TargetId": f"ecs:{args.names.cluster}_*"
                }
            },
        },
        {
            # The agent looks for the group, and whether it is encrypted, in a list of all.
            "Sid": "FindSessionLog",
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": pulumi.Output.concat(
                f"arn:aws:logs:{args.region}:", args.account_id, ":log-group:*"
            ),
        },
        {
            "Sid": "SessionLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": pulumi.Output.concat(args.session_log_group_arn, ":*"),
        },
    ]
