"""Settings of the scheduled functions."""

from typing import Annotated

from pydantic import Field, StrictInt

from components.settings.fields import LogRetentionDays, Section


class FunctionsSettings(Section):
    """Every function of the stack."""

    log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )
    # A new account's quota may be ten, and Lambda refuses to reserve any of the last ten.
    reserved_concurrency: Annotated[StrictInt, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="a number from 1 to 100 of runs at a time that Lambda keeps for each function "
        "(without this setting they share the account's, which a small quota needs)",
    )
