"""Settings of the web application firewall."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt

from components.settings.fields import LogRetentionDays, Section


class RuleAction(StrEnum):
    """What a rule of the firewall does with a request that matches."""

    BLOCK = "block"
    COUNT = "count"


# WAF, Rule and ExcludedRule: the alphabet and length of a rule's name.
RuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


class RateLimitSettings(Section):
    """What one address may ask for."""

    # A person at work stays below one request a second; an office behind one address still fits.
    requests: Annotated[StrictInt, Field(ge=10, le=2_000_000_000)] = Field(
        default=2000,
        description="a number of requests in five minutes from one address, from 10 to 2000000000",
    )
    action: RuleAction = Field(default=RuleAction.BLOCK, description="block or count")


class ManagedGroupSettings(Section):
    """One group of rules that AWS keeps up to date."""

    action: RuleAction = Field(default=RuleAction.BLOCK, description="block or count")
    # A rule that refuses what the API needs is counted alone; the rest of its group still blocks.
    counted_rules: tuple[RuleName, ...] = Field(
        default=(),
        description="a list of names of rules of this group, such as [SizeRestrictions_BODY], "
        "that count instead of blocking",
    )


class SecuritySettings(Section):
    """The web application firewall before the load balancer."""

    rate_limit: RateLimitSettings = Field(
        default=RateLimitSettings(), description="a mapping with requests and action"
    )
    common: ManagedGroupSettings = Field(
        default=ManagedGroupSettings(), description="a mapping with action and counted_rules"
    )
    known_bad_inputs: ManagedGroupSettings = Field(
        default=ManagedGroupSettings(), description="a mapping with action and counted_rules"
    )
    sql_injection: ManagedGroupSettings = Field(
        default=ManagedGroupSettings(), description="a mapping with action and counted_rules"
    )
    ip_reputation: ManagedGroupSettings = Field(
        default=ManagedGroupSettings(), description="a mapping with action and counted_rules"
    )
    log_retention_days: LogRetentionDays = Field(
        description="a number of days that CloudWatch accepts"
    )
