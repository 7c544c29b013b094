"""The logs that the law asks for."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.naming import Names
from components.settings.logs import LogsSettings


@dataclass(frozen=True)
class ApplicationLogsArgs:
    """Inputs of `ApplicationLogs`.

    `log_key_arn` encrypts both logs: its policy must admit CloudWatch Logs for
    `names.log_group(...)`, and it must outlive them.
    """

    names: Names
    settings: LogsSettings
    log_key_arn: pulumi.Input[str]


class ApplicationLogs(pulumi.ComponentResource):
    """`aussie-markets:logs:ApplicationLogs`: what the API writes for auditors.

    - `aws.cloudwatch.LogGroup` `security` and `audit`, kept for seven years; by setting they
      outlive the stack. A stack that is built again then imports them: their names are fixed.
    """

    security_group_name: pulumi.Output[str]
    security_group_arn: pulumi.Output[str]
    audit_group_name: pulumi.Output[str]
    audit_group_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: ApplicationLogsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:logs:ApplicationLogs", name, None, opts)
        security, audit = (
            aws.cloudwatch.LogGroup(
                f"{name}-{purpose}",
                name=args.names.log_group(purpose),
                retention_in_days=days,
                kms_key_id=args.log_key_arn,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    # Records of seven years must not depend on how long a stack lives.
                    retain_on_delete=args.settings.keep,
                ),
            )
            for purpose, days in (
                ("security", args.settings.security_retention_days),
                ("audit", args.settings.audit_retention_days),
            )
        )
        self.security_group_name, self.security_group_arn = security.name, security.arn
        self.audit_group_name, self.audit_group_arn = audit.name, audit.arn
        self.register_outputs(
            {
                "security_group_name": self.security_group_name,
                "security_group_arn": self.security_group_arn,
                "audit_group_name": self.audit_group_name,
                "audit_group_arn": self.audit_group_arn,
            }
        )
