"""The firewall: its rules in their order, its block lists and its log."""

import json
from typing import Any

import pytest

from components.naming import Names
from components.security import Security, SecurityArgs
from tests.unit.conftest import ACCOUNT_ID, Deployment, deploy, settings_of

SECURITY = "aussie-markets:security:Security"
IP_SET = "aws:wafv2/ipSet:IpSet"
WEB_ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
LOG_POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])

GROUPS = {
    "common": "AWSManagedRulesCommonRuleSet",
    "known-bad-inputs": "AWSManagedRulesKnownBadInputsRuleSet",
    "sql-injection": "AWSManagedRulesSQLiRuleSet",
    "ip-reputation": "AWSManagedRulesAmazonIpReputationList",
}
# WAF developer guide: each managed group's capacity, two for a rate, one for an IP set. Beyond
# 1500 each request costs more.
CAPACITY = {"common": 700, "known-bad-inputs": 200, "sql-injection": 200, "ip-reputation": 25}
OTHER_CAPACITY = 2 + 2 * 1
CHEAP_CAPACITY = 1500


def security(stack: str = "staging", *, preview: bool = False, **values: Any) -> Deployment:
    settings = settings_of(stack, {"security": values})

    def program() -> None:
        Security(
            "security",
            SecurityArgs(
                names=Names(settings.environment),
                region="ap-southeast-2",
                account_id=ACCOUNT_ID,
                settings=settings.security,
                load_balancer_arn="arn:load-balancer",
                log_key_arn="arn:log-key",
            ),
        )

    return deploy(program, stack, preview=preview)


def rules(deployment: Deployment) -> dict[str, dict[str, Any]]:
    listed = deployment.only(WEB_ACL).inputs["rules"]
    ordered = sorted(listed, key=lambda rule: int(rule["priority"]))
    assert len({rule["priority"] for rule in ordered}) == len(ordered)
    return {rule["name"]: rule for rule in ordered}


@BOTH
@pytest.mark.parametrize("preview", [False, True])
def test_options_of_the_children(stack: str, preview: bool) -> None:
    deployment = security(stack, preview=preview)
    component = deployment.only(SECURITY)
    children = [resource for resource in deployment.resources if resource is not component]
    assert sorted(child.type for child in children) == sorted(
        [IP_SET, IP_SET, WEB_ACL, ASSOCIATION, LOGGING, LOG_GROUP, LOG_POLICY]
    )
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("security-")
        assert not child.protect
        assert not child.retain_on_delete
        assert not child.delete_before_replace
        assert child.ignore_changes == (("addresses",) if child.type == IP_SET else ())


@BOTH
def test_the_block_lists_have_names_that_runbooks_find(stack: str) -> None:
    sets = security(stack).of(IP_SET)
    for family in ("ipv4", "ipv6"):
        assert sets.pop(f"security-blocked-{family}").inputs == {
            "name": f"aussie-markets-blocked-{family}-{stack}",
            "description": f"Blocked by runbooks in {stack}",
            "scope": "REGIONAL",
            "ipAddressVersion": family.upper(),
            "addresses": [],
        }
    assert sets == {}


@BOTH
def test_rules_in_their_order(stack: str) -> None:
    found = rules(security(stack))
    assert list(found) == ["blocked-ipv4", "blocked-ipv6", "rate-limit", *GROUPS]
    for family in ("ipv4", "ipv6"):
        rule = found[f"blocked-{family}"]
        assert rule["statement"] == {
            "ipSetReferenceStatement": {
                "arn": f"arn:aws:mock:::ip-set/security-blocked-{family}-arn"
            }
        }
        assert rule["action"] == {"block": {}}
        assert "overrideAction" not in rule
    assert found["rate-limit"]["statement"] == {
        "rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP", "evaluationWindowSec": 300}
    }
    assert found["rate-limit"]["action"] == {"block": {"customResponse": {"responseCode": 429}}}
    for name, group in GROUPS.items():
        assert found[name]["statement"] == {
            "managedRuleGroupStatement": {
                "vendorName": "AWS",
                "name": group,
                "ruleActionOverrides": [],
            }
        }
        assert found[name]["overrideAction"] == {"none": {}}
        assert "action" not in found[name]


def test_each_rule_has_its_metric_and_none_keeps_samples() -> None:
    deployment = security()
    for name, rule in rules(deployment).items():
        assert rule["visibilityConfig"] == {
            "cloudwatchMetricsEnabled": True,
            "metricName": name,
            "sampledRequestsEnabled": False,
        }
    acl = deployment.only(WEB_ACL).inputs
    assert acl["visibilityConfig"] == {
        "cloudwatchMetricsEnabled": True,
        "metricName": "firewall",
        "sampledRequestsEnabled": False,
    }
    assert acl["scope"] == "REGIONAL"
    assert acl["defaultAction"] == {"allow": {}}


def test_the_rules_fit_into_what_a_web_acl_holds() -> None:
    managed = sum(CAPACITY[name] for name in rules(security()) if name in CAPACITY)
    assert managed == sum(CAPACITY.values())
    assert managed + OTHER_CAPACITY <= CHEAP_CAPACITY


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_counts_by_setting(name: str) -> None:
    counting: dict[str, Any] = {name.replace("-", "_"): {"action": "count"}}
    found = rules(security(**counting))
    for group in GROUPS:
        assert found[group]["overrideAction"] == ({"count": {}} if group == name else {"none": {}})


def test_one_rule_of_a_group_counts_by_setting() -> None:
    found = rules(security(common={"counted_rules": ["SizeRestrictions_BODY"]}))
    statement = found["common"]["statement"]["managedRuleGroupStatement"]
    assert statement["ruleActionOverrides"] == [
        {"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}
    ]
    assert found["common"]["overrideAction"] == {"none": {}}


def test_the_rate_by_setting() -> None:
    rule = rules(security(rate_limit={"requests": 100, "action": "count"}))["rate-limit"]
    assert rule["statement"]["rateBasedStatement"]["limit"] == 100
    assert rule["action"] == {"count": {}}


def test_the_firewall_stands_before_the_load_balancer() -> None:
    assert security().only(ASSOCIATION).inputs == {
        "resourceArn": "arn:load-balancer",
        "webAclArn": "arn:aws:mock:::web-acl/security-firewall-arn",
    }


@pytest.mark.parametrize(("stack", "days"), [("staging", 30), ("production", 365)])
def test_the_log_is_encrypted_kept_and_without_what_authenticates(stack: str, days: int) -> None:
    deployment = security(stack)
    assert deployment.only(LOG_GROUP).inputs == {
        "name": f"aws-waf-logs-aussie-markets-{stack}",
        "retentionInDays": days,
        "kmsKeyId": "arn:log-key",
    }
    logging = deployment.only(LOGGING)
    assert logging.inputs == {
        "resourceArn": "arn:aws:mock:::web-acl/security-firewall-arn",
        "logDestinationConfigs": ["arn:aws:mock:::log-group/security-firewall-arn"],
        "redactedFields": [
            {"singleHeader": {"name": "authorization"}},
            {"singleHeader": {"name": "cookie"}},
        ],
    }
    assert deployment.only(LOG_POLICY).urn in logging.depends_on


def test_only_deliveries_of_this_account_may_write_the_log() -> None:
    policy = security().only(LOG_POLICY).inputs
    assert policy["policyName"] == "aws-waf-logs-aussie-markets-staging"
    assert json.loads(policy["policyDocument"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Firewall",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "arn:aws:mock:::log-group/security-firewall-arn:log-stream:*",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": f"arn:aws:logs:ap-southeast-2:{ACCOUNT_ID}:*"},
                },
            }
        ],
    }


def test_registered_outputs() -> None:
    deployment = security()
    assert deployment.outputs[deployment.only(SECURITY).urn] == {
        "web_acl_arn": "arn:aws:mock:::web-acl/security-firewall-arn",
        "web_acl_name": "security-firewall-a1b2c3d",
        "ip_set_ids": {f: f"security-blocked-{f}-id" for f in ("ipv4", "ipv6")},
        "ip_set_names": {f: f"aussie-markets-blocked-{f}-staging" for f in ("ipv4", "ipv6")},
        "log_group_name": "aws-waf-logs-aussie-markets-staging",
    }
