"""What the API reads from Parameter Store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.naming import Names

MAINTENANCE_MODE: Final = "maintenance-mode"


@dataclass(frozen=True)
class SecretParameter:
    """A secret, and the version with which it is written: a new version writes it again."""

    value: pulumi.Output[str]
    version: int


@dataclass(frozen=True)
class ParametersArgs:
    """Inputs of `Parameters`; `secrets` are keyed by the last part of the parameter's name."""

    names: Names
    kms_key_arn: pulumi.Input[str]
    secrets: Mapping[str, SecretParameter]


class Parameters(pulumi.ComponentResource):
    """`aussie-markets:parameters:Parameters`: secrets of the API, and the maintenance flag.

    - `aws.ssm.Parameter` (SecureString) for each secret. The value is written once for each
      version; a newer value that `secrets rotate` wrote stays.
    - `aws.ssm.Parameter` (String) `maintenance-mode`: the runbooks own its value.
    """

    arns: Mapping[str, pulumi.Output[str]]
    """By the last part of the name, `maintenance-mode` included."""

    def __init__(
        self, name: str, args: ParametersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:parameters:Parameters", name, None, opts)
        arns = {
            label: aws.ssm.Parameter(
                f"{name}-{label}",
                name=args.names.parameter(label),
                type="SecureString",
                key_id=args.kms_key_arn,
                value_wo=secret.value,
                value_wo_version=secret.version,
                # The API knows it by this name; two cannot coexist.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            ).arn
            for label, secret in args.secrets.items()
        }
        arns[MAINTENANCE_MODE] = aws.ssm.Parameter(
            f"{name}-{MAINTENANCE_MODE}",
            name=args.names.parameter(MAINTENANCE_MODE),
            type="String",
            value="false",
            opts=pulumi.ResourceOptions(
                parent=self, delete_before_replace=True, ignore_changes=["value"]
            ),
        ).arn
        self.arns = arns
        self.register_outputs({"arns": dict(arns)})
