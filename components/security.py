"""The web application firewall before the load balancer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.documents import on_behalf_of, policy_document
from components.naming import Names
from components.settings.security import (
    ManagedGroupSettings,
    RateLimitSettings,
    RuleAction,
    SecuritySettings,
)

IP_FAMILIES: Final = ("ipv4", "ipv6")
RATE_WINDOW_SECONDS: Final = 300
# What a client that may try again later must hear; the firewall's own answer is 403.
TOO_MANY_REQUESTS: Final = 429

# Neither may be readable in a log: each is as good as a password.
REDACTED_HEADERS: Final = ("authorization", "cookie")


@dataclass(frozen=True)
class SecurityArgs:
    """Inputs of `Security`.

    `log_key_arn` encrypts the log: its policy must admit CloudWatch Logs for
    `names.firewall_log_group`.
    """

    names: Names
    region: str
    account_id: pulumi.Input[str]
    settings: SecuritySettings
    load_balancer_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class Security(pulumi.ComponentResource):
    """`aussie-markets:security:Security`: the firewall, its block lists and its log.

    - `aws.wafv2.IpSet` for each address family: empty at first, then the runbooks'.
    - `aws.wafv2.WebAcl`: the block lists first, so that nothing later counts or logs what is
      known to be bad; then the rate limit, then the groups that AWS keeps up to date. What no
      rule blocks is allowed.
    - `aws.wafv2.WebAclAssociation` with the load balancer.
    - `aws.cloudwatch.LogGroup` and `aws.cloudwatch.LogResourcePolicy`, which lets WAF's delivery
      write to it. AWS would otherwise add a policy of its own to the account, outside the stack.
    - `aws.wafv2.WebAclLoggingConfiguration`: every request, without what authenticates it.
    """

    web_acl_arn: pulumi.Output[str]
    web_acl_name: pulumi.Output[str]
    ip_set_ids: Mapping[str, pulumi.Output[str]]
    """By address family, `ipv4` and `ipv6`."""
    ip_set_names: Mapping[str, pulumi.Output[str]]
    """By address family, `ipv4` and `ipv6`."""
    log_group_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: SecurityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:security:Security", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)

        ip_sets = {
            family: aws.wafv2.IpSet(
                f"{name}-blocked-{family}",
                # Fixed, because runbooks find it by this. None of its other properties that WAF
                # cannot change depends on a setting, so nothing ever replaces it.
                name=names.ip_set(family),
                description=f"Blocked by runbooks in {names.environment}",
                scope="REGIONAL",
                ip_address_version=family.upper(),
                addresses=[],
                # The runbooks and the responder own them: an `up` in the middle of an attack must
                # not let the attacker in again.
                opts=pulumi.ResourceOptions(parent=self, ignore_changes=["addresses"]),
            )
            for family in IP_FAMILIES
        }
        rules = [
            *(_block_list(family, ip_set.arn) for family, ip_set in ip_sets.items()),
            _rate_limit(settings.rate_limit),
            _managed_group("common", "AWSManagedRulesCommonRuleSet", settings.common),
            _managed_group(
                "known-bad-inputs",
                "AWSManagedRulesKnownBadInputsRuleSet",
                settings.known_bad_inputs,
            ),
            _managed_group("sql-injection", "AWSManagedRulesSQLiRuleSet", settings.sql_injection),
            _managed_group(
                "ip-reputation", "AWSManagedRulesAmazonIpReputationList", settings.ip_reputation
            ),
        ]
        web_acl = aws.wafv2.WebAcl(
            f"{name}-firewall",
            description=f"Firewall of the API of {names.environment}",
            scope="REGIONAL",
            default_action=aws.wafv2.WebAclDefaultActionArgs(
                allow=aws.wafv2.WebAclDefaultActionAllowArgs()
            ),
            rules=list(_in_order(rules)),
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True,
                metric_name="firewall",
                sampled_requests_enabled=False,
            ),
            opts=child,
        )
        aws.wafv2.WebAclAssociation(
            f"{name}-load-balancer",
            resource_arn=args.load_balancer_arn,
            web_acl_arn=web_acl.arn,
            opts=child,
        )
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-firewall",
            name=names.firewall_log_group,
            retention_in_days=settings.log_retention_days,
            kms_key_id=args.log_key_arn,
            opts=child,
        )
        policy = aws.cloudwatch.LogResourcePolicy(
            f"{name}-firewall",
            policy_name=names.firewall_log_group,
            policy_document=pulumi.Output.json_dumps(
                policy_document(_delivery(log_group.arn, args.account_id, args.region))
            ),
            opts=child,
        )
        aws.wafv2.WebAclLoggingConfiguration(
            f"{name}-firewall",
            resource_arn=web_acl.arn,
            log_destination_configs=[log_group.arn],
            redacted_fields=[
                aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                    single_header=aws.wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(
                        name=header
                    )
                )
                for header in REDACTED_HEADERS
            ],
            # WAF tries the log when logging begins.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

        self.web_acl_arn = web_acl.arn
        self.web_acl_name = web_acl.name
        self.ip_set_ids = {family: ip_set.id for family, ip_set in ip_sets.items()}
        self.ip_set_names = {family: ip_set.name for family, ip_set in ip_sets.items()}
        self.log_group_name = log_group.name
        self.register_outputs(
            {
                "web_acl_arn": self.web_acl_arn,
                "web_acl_name": self.web_acl_name,
                "ip_set_ids": dict(self.ip_set_ids),
                "ip_set_names": dict(self.ip_set_names),
                "log_group_name": self.log_group_name,
            }
        )


@dataclass(frozen=True)
class _Rule:
    """A rule before it has its place; a group's `override_action` stands in for its `action`."""

    name: str
    statement: aws.wafv2.WebAclRuleStatementArgs
    action: aws.wafv2.WebAclRuleActionArgs | None = None
    override_action: aws.wafv2.WebAclRuleOverrideActionArgs | None = None


def _in_order(rules: Iterable[_Rule]) -> Iterable[aws.wafv2.WebAclRuleArgs]:
    for priority, rule in enumerate(rules):
        yield aws.wafv2.WebAclRuleArgs(
            name=rule.name,
            priority=priority,
            statement=rule.statement,
            action=rule.action,
            override_action=rule.override_action,
            visibility_config=aws.wafv2.WebAclRuleVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True,
                metric_name=rule.name,
                # Samples hold every header in clear; the log has the same requests without.
                sampled_requests_enabled=False,
            ),
        )


def _block_list(family: str, arn: pulumi.Input[str]) -> _Rule:
    return _Rule(
        name=f"blocked-{family}",
        statement=aws.wafv2.WebAclRuleStatementArgs(
            ip_set_reference_statement=aws.wafv2.WebAclRuleStatementIpSetReferenceStatementArgs(
                arn=arn
            )
        ),
        action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
    )


def _rate_limit(settings: RateLimitSettings) -> _Rule:
    refuse = aws.wafv2.WebAclRuleActionBlockCustomResponseArgs(response_code=TOO_MANY_REQUESTS)
    return _Rule(
        name="rate-limit",
        statement=aws.wafv2.WebAclRuleStatementArgs(
            rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                limit=settings.requests,
                aggregate_key_type="IP",
                evaluation_window_sec=RATE_WINDOW_SECONDS,
            )
        ),
        action=(
            aws.wafv2.WebAclRuleActionArgs(count=aws.wafv2.WebAclRuleActionCountArgs())
            if settings.action is RuleAction.COUNT
            else aws.wafv2.WebAclRuleActionArgs(
                block=aws.wafv2.WebAclRuleActionBlockArgs(custom_response=refuse)
            )
        ),
    )


def _managed_group(name: str, group: str, settings: ManagedGroupSettings) -> _Rule:
    override = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs
    to_use = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs
    count = (
        aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs
    )
    return _Rule(
        name=name,
        statement=aws.wafv2.WebAclRuleStatementArgs(
            managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                vendor_name="AWS",
                name=group,
                rule_action_overrides=[
                    override(name=rule, action_to_use=to_use(count=count()))
                    for rule in settings.counted_rules
                ],
            )
        ),
        override_action=(
            aws.wafv2.WebAclRuleOverrideActionArgs(
                count=aws.wafv2.WebAclRuleOverrideActionCountArgs()  # type: ignore[no-untyped-call]
            )
            if settings.action is RuleAction.COUNT
            else aws.wafv2.WebAclRuleOverrideActionArgs(
                none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()  # type: ignore[no-untyped-call]
            )
        ),
    )


def _delivery(
    log_group_arn: pulumi.Output[str], account_id: pulumi.Input[str], region: str
) -> Mapping[str, object]:
    """CloudWatch Logs user guide, "Logs sent to CloudWatch Logs": the policy AWS would add."""
    return {
        "Sid": "Firewall",
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": pulumi.Output.concat(log_group_arn, ":log-stream:*"),
        "Condition": on_behalf_of(
            account_id, pulumi.Output.concat(f"arn:aws:logs:{region}:", account_id, ":*")
        ),
    }
