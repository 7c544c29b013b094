"""A role with its rights, and what every role of a stack has in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.documents import Statement, policy_document


def role_with_rights(
    name: str,
    description: str,
    trust: Mapping[str, Any],
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """A role and what it may do. Whatever works with the role at once depends on the second."""
    role = aws.iam.Role(
        name,
        description=description,
        assume_role_policy=pulumi.Output.json_dumps(trust),
        opts=opts,
    )
    rights = aws.iam.RolePolicy(
        name,
        role=role.name,
        policy=pulumi.Output.json_dumps(policy_document(*statements)),
        opts=opts,
    )
    return role, rights


def bounded(boundary_arn: pulumi.Input[str]) -> pulumi.ResourceTransformation:
    """Give each role below a resource the boundary without which no deploy role may make it.

    Roles are made in many components, and one that forgot it would fail on AWS alone.
    """

    def transformation(
        given: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult | None:
        if given.type_ != "aws:iam/role:Role":
            return None
        return pulumi.ResourceTransformationResult(
            props={**given.props, "permissions_boundary": boundary_arn}, opts=given.opts
        )

    return transformation
