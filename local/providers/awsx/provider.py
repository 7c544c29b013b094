"""The provider that builds the component, and what it says when it refuses."""

from typing import Any, Final

import pulumi
from pulumi.errors import InputPropertyErrorDetails
from pulumi.provider import ConstructResult, Provider
from pydantic import ValidationError

from local.providers.awsx.vpc import TYPE, Vpc, VpcArgs

VERSION: Final = "3.11.0"
"""The awsx whose arguments and children are imitated."""

_SAYS: Final = "The local cloud's stand-in for awsx"


class AwsxProvider(Provider):
    """Builds `awsx:ec2:Vpc`; everything else of awsx is refused by name."""

    def __init__(self) -> None:
        super().__init__(VERSION)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        if resource_type != TYPE:
            raise pulumi.InputPropertiesError(
                f"{_SAYS} builds {TYPE} alone, not {resource_type} ({name!r})."
                " Use the resources of pulumi-aws, or add the type to local/providers/awsx."
            )
        try:
            args = VpcArgs.model_validate(dict(inputs))
        except ValidationError as error:
            problems = [_problem(details) for details in error.errors(include_input=False)]
            listed = "".join(f"\n  {p['property_path']}: {p['reason']}" for p in problems)
            raise pulumi.InputPropertiesError(
                f"{_SAYS} cannot build {TYPE} {name!r}:{listed}"
            ) from error
        vpc = Vpc(name, args, options)
        return ConstructResult(vpc.urn, vpc.outputs)


def _problem(details: Any) -> InputPropertyErrorDetails:
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"]
    ).lstrip(".")
    known = details["type"] != "extra_forbidden"
    return {
        "property_path": path or "arguments",
        "reason": details["msg"] if known else "this argument is not implemented here",
    }
