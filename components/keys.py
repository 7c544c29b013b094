"""KMS keys, one per class of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.documents import policy_document
from components.naming import Names

# KMS, ScheduleKeyDeletion: the longest window. Data under a deleted key is lost for good.
DELETION_WINDOW_DAYS: Final = 30


@dataclass(frozen=True)
class ServiceAccess:
    """What an AWS service may do with a key, and for which resources.

    A condition is required: a service principal alone stands for every account's use of it.
    """

    sid: str
    service: str
    actions: Sequence[str]
    condition: Mapping[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]]


def cloudwatch_logs_access(
    region: str, account_id: pulumi.Input[str], *log_groups: str
) -> ServiceAccess:
    """Let CloudWatch Logs of one region encrypt the log groups that match a name pattern each.

    Actions and condition: CloudWatch Logs user guide, "Encrypt log data using AWS KMS".
    """
    return ServiceAccess(
        sid="CloudWatchLogs",
        service=f"logs.{region}.amazonaws.com",
        actions=(
            "kms:Encrypt*",
            "kms:Decrypt*",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:Describe*",
        ),
        condition={
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": [
                    pulumi.Output.concat(
                        f"arn:aws:logs:{region}:", account_id, f":log-group:{pattern}"
                    )
                    for pattern in log_groups
                ]
            }
        },
    )


@dataclass(frozen=True)
class EncryptionKeyArgs:
    """Inputs of `EncryptionKey`.

    `account_id` administers the key through its IAM policies; `services` may use it. `region` is
    the provider's unless it is given: what lies in another region needs a key there.
    """

    alias: str
    description: str
    account_id: pulumi.Input[str]
    services: Sequence[ServiceAccess] = field(default=())
    region: str | None = None


class EncryptionKey(pulumi.ComponentResource):
    """`aussie-markets:keys:EncryptionKey`: a customer-managed key that outlives its stack.

    - `aws.kms.Key`: rotated yearly, kept when the stack is destroyed, since kept logs,
      snapshots and backups cannot be read without it.
    - `aws.kms.Alias`: the name by which people find it. It goes with the stack, so that a
      rebuilt stack can point it at its own key.
    """

    arn: pulumi.Output[str]
    """What other resources encrypt with."""

    def __init__(
        self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:keys:EncryptionKey", name, None, opts)
        key = aws.kms.Key(
            f"{name}-key",
            description=args.description,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            enable_key_rotation=True,
            region=args.region,
            policy=pulumi.Output.json_dumps(_policy(args)),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=args.alias,
            target_key_id=key.key_id,
            region=args.region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


@dataclass(frozen=True)
class KeyRing:
    """Makes the keys of one stack, one per class of data.

    RDS, ElastiCache and Parameter Store need no entry among the services: they use a key by a
    grant of, or on behalf of, whoever calls them, and the account's IAM policies decide about
    callers.
    """

    names: Names
    account_id: pulumi.Input[str]
    opts: pulumi.ResourceOptions

    def make(
        self,
        data_class: str,
        description: str,
        *services: ServiceAccess,
        in_region: str | None = None,
    ) -> EncryptionKey:
        """The key of a class of data, in the provider's region unless another one is given."""
        suffix = f"{data_class}-{in_region}" if in_region else data_class
        return EncryptionKey(
            f"{self.names.prefix}-{suffix}",
            EncryptionKeyArgs(
                alias=self.names.key_alias(data_class),
                description=f"{description} of {self.names.environment}",
                account_id=self.account_id,
                services=services,
                region=in_region,
            ),
            self.opts,
        )


def _policy(args: EncryptionKeyArgs) -> dict[str, Any]:
    # In a key policy "*" is the key itself. Without the first statement nobody could ever
    # change the key again.
    administrators = {
        "Sid": "AccountAdministrators",
        "Effect": "Allow",
        "Principal": {"AWS": pulumi.Output.concat("arn:aws:iam::", args.account_id, ":root")},
        "Action": "kms:*",
        "Resource": "*",
    }
    services = [
        {
            "Sid": access.sid,
            "Effect": "Allow",
            "Principal": {"Service": access.service},
            "Action": list(access.actions),
            "Resource": "*",
            "Condition": access.condition,
        }
        for access in args.services
    ]
    return policy_document(administrators, *services)
