"""Rights on the roles of an environment."""

from collections.abc import Mapping, Sequence
from typing import Final

from components.rights.scope import Scope, Statement, allow

# What an account needs the first time that one of these services works in it.
LINKED_SERVICES: Final = (
    "backup.amazonaws.com",
    "ecs.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
    "elasticache.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "rds.amazonaws.com",
    "wafv2.amazonaws.com",
)

# Services that get roles, and how the names of these roles go on after the environment's prefix.
PASSED_ROLES: Final[Mapping[str, Sequence[str]]] = {
    "backup.amazonaws.com": ("*backups-*", "*restores-*"),
    "ecs-tasks.amazonaws.com": ("*-exec-*", "*-task-*"),
    "ecs.amazonaws.com": ("*-infra-*",),
    "lambda.amazonaws.com": ("*-lambda-*",),
    "monitoring.rds.amazonaws.com": ("*monitoring-*",),
    "s3.amazonaws.com": ("*replication-*",),
    "scheduler.amazonaws.com": ("*-invoke-*",),
    "vpc-flow-logs.amazonaws.com": ("*flow-logs-*",),
}


def roles(scope: Scope) -> list[Statement]:
    """Roles within the boundary, and handing each to the service that it is for."""
    bounded = {"StringEquals": {"iam:PermissionsBoundary": scope.boundary_arn}}
    return [
        allow(
            "BoundedRoles",
            [
                *("iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy"),
                *("iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"),
            ],
            scope.roles(),
            bounded,
        ),
        allow(
            "Roles",
            [
                *("iam:DeleteRole", "iam:TagRole", "iam:UntagRole"),
                *("iam:UpdateAssumeRolePolicy", "iam:UpdateRole"),
            ],
            scope.roles(),
        ),
        *(
            allow(
                f"Pass{number}",
                ["iam:PassRole"],
                [scope.roles(pattern) for pattern in patterns],
                {"StringEquals": {"iam:PassedToService": service}},
            )
            for number, (service, patterns) in enumerate(PASSED_ROLES.items(), 1)
        ),
        allow(
            "LinkedRoles",
            ["iam:CreateServiceLinkedRole"],
            f"arn:aws:iam::{scope.account_id}:role/aws-service-role/*",
            {"StringEquals": {"iam:AWSServiceName": list(LINKED_SERVICES)}},
        ),
    ]
