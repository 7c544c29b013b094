"""Roles of tasks: who may take them, and what a program may do in one."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.documents import Statement, on_behalf_of, service_trust
from components.naming import METRIC_NAMESPACE


def task_trust(region: str, account_id: pulumi.Input[str]) -> Mapping[str, Any]:
    """Tasks of this account and region. ECS developer guide, "Task IAM role"."""
    return service_trust(
        "ecs-tasks.amazonaws.com",
        on_behalf_of(account_id, pulumi.Output.concat(f"arn:aws:ecs:{region}:", account_id, ":*")),
    )


def program_statements(written_log_group_arns: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """What the API and the workers beside it may do: docs/api-contract.md."""
    return [
        {
            # The action knows no resources.
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACE}},
        },
        {
            "Sid": "SecurityAndAuditLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [pulumi.Output.concat(arn, ":*") for arn in written_log_group_arns],
        },
    ]
