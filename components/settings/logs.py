"""Settings of the logs that the law asks for."""

from pydantic import Field, StrictBool

from components.settings.fields import LogRetentionDays, Section


class LogsSettings(Section):
    """The security and the audit log."""

    # Deployment documentation, "Log Groups": seven years; CloudWatch has no 2555.
    security_retention_days: LogRetentionDays = Field(
        default=2557, description="a number of days that CloudWatch accepts"
    )
    audit_retention_days: LogRetentionDays = Field(
        default=2557, description="a number of days that CloudWatch accepts"
    )
    keep: StrictBool = Field(
        description="true (both logs outlive the stack) or false (they go with it)"
    )
