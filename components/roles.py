"""What every role of a stack has in common."""

import pulumi


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
