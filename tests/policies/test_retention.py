"""The retention pack."""

from typing import Any

import pytest

from policies.retention.flow_logs import vpc_flow_log
from policies.retention.log_groups import (
    ALLOWED_DAYS,
    log_group_retention,
    log_group_retention_minimum,
)
from tests.policies.harness import (
    PRODUCTION,
    STAGING,
    UNKNOWN,
    UNLISTED,
    Given,
    check,
    check_stack,
)

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
VPC = "aws:ec2/vpc:Vpc"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"


@pytest.mark.parametrize("days", ALLOWED_DAYS)
def test_what_cloudwatch_takes_passes(days: int) -> None:
    assert check(log_group_retention, LOG_GROUP, {"retentionInDays": float(days)}).passed


@pytest.mark.parametrize("stack", [STAGING, PRODUCTION, UNLISTED])
@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({}, "not set, which means for ever"),
        ({"retentionInDays": 0}, "0, which means for ever"),
        ({"retentionInDays": 2555.0}, "is 2555, which CloudWatch refuses, wanted is 2557"),
        ({"retentionInDays": 2}, "wanted is 3"),
        ({"retentionInDays": 4000}, "wanted is 3653"),
    ],
)
def test_other_retention_fails(properties: dict[str, Any], said: str, stack: str) -> None:
    outcome = check(log_group_retention, LOG_GROUP, properties, stack=stack, name="api")
    assert outcome.failed == ["api"]
    assert said in outcome.messages


@pytest.mark.parametrize(
    ("days", "stack", "passes"),
    [
        (364, PRODUCTION, False),
        (30, PRODUCTION, False),
        (365, PRODUCTION, True),
        (400, PRODUCTION, True),
        (30, UNLISTED, False),
        (365, UNLISTED, True),
        (30, STAGING, True),
    ],
)
def test_production_keeps_a_year(days: int, stack: str, passes: bool) -> None:
    properties = {"retentionInDays": days}
    outcome = check(log_group_retention_minimum, LOG_GROUP, properties, stack=stack)
    assert outcome.passed is passes


def test_the_minimum_is_named_and_no_limit_is_long_enough() -> None:
    short = check(log_group_retention_minimum, LOG_GROUP, {"retentionInDays": 364})
    assert "wanted is 365 or more" in short.messages
    assert check(log_group_retention_minimum, LOG_GROUP, {}).passed


@pytest.mark.parametrize(("minimum", "passes"), [(30.0, True), (31.0, False)])
def test_the_minimum_can_be_configured(minimum: float, passes: bool) -> None:
    outcome = check(
        log_group_retention_minimum,
        LOG_GROUP,
        {"retentionInDays": 30},
        config={"minimumDays": minimum},
    )
    assert outcome.passed is passes
    assert passes or "60 or more" in outcome.messages


@pytest.mark.parametrize("policy", [log_group_retention, log_group_retention_minimum])
def test_retention_that_is_unknown_fixed_or_exempted(policy: Any) -> None:
    unknown = check(policy, LOG_GROUP, {"retentionInDays": UNKNOWN})
    assert not unknown.failed
    assert "retentionInDays" in unknown.advisory
    fixed = {"retentionInDays": 2, "logGroupClass": "DELIVERY"}
    assert check(policy, LOG_GROUP, fixed).passed
    exemptions = {"exemptions": {"it": "Agreed with the auditors, ticket 12"}}
    assert check(policy, LOG_GROUP, {"retentionInDays": 2}, config=exemptions).passed
    assert check(policy, LOG_GROUP, {"retentionInDays": 2}).failed


def _vpc(name: str = "net", **properties: Any) -> Given:
    return Given(VPC, name, {"id": f"vpc-{name}"} | properties)


@pytest.mark.parametrize("stack", [STAGING, PRODUCTION, UNLISTED])
@pytest.mark.parametrize(("traffic", "passes"), [("ALL", 1), ("REJECT", 1), ("ACCEPT", 0)])
def test_a_vpc_has_a_flow_log(traffic: str, passes: int, stack: str) -> None:
    log = Given(FLOW_LOG, "log", {"vpcId": "vpc-net", "trafficType": traffic})
    outcome = check_stack(vpc_flow_log, [_vpc(), log], stack=stack)
    assert outcome.passed is bool(passes)
    assert passes or "is one of accepted traffic alone" in outcome.messages


def test_each_vpc_needs_its_own() -> None:
    log = Given(FLOW_LOG, "log", {"vpcId": "vpc-net", "trafficType": "ALL"})
    subnet_log = Given(FLOW_LOG, "other", {"subnetId": "subnet-1", "trafficType": "ALL"})
    outcome = check_stack(vpc_flow_log, [_vpc(), log, _vpc("second"), subnet_log])
    assert outcome.failed == ["second"]
    assert "flow log is missing" in outcome.messages


@pytest.mark.parametrize("shown", [{"id": UNKNOWN}, {}])
def test_a_preview_relates_by_dependency(shown: dict[str, Any]) -> None:
    vpc, second = Given(VPC, "net", shown), Given(VPC, "second", shown)
    log = Given(FLOW_LOG, "log", {"vpcId": UNKNOWN, "trafficType": "ALL"}, {"vpcId": vpc})
    outcome = check_stack(vpc_flow_log, [vpc, second, log])
    assert outcome.failed == ["second"]
    assert not outcome.advisory


def test_unknown_flow_logs_leave_other_vpcs_checked() -> None:
    vpc, second = Given(VPC, "net", {"id": UNKNOWN}), Given(VPC, "second", {"id": UNKNOWN})
    first_log = Given(FLOW_LOG, "a", {"vpcId": UNKNOWN, "trafficType": UNKNOWN}, {"vpcId": vpc})
    outcome = check_stack(vpc_flow_log, [vpc, second, first_log])
    assert outcome.failed == ["second"]
    assert "'net'" in outcome.advisory
    either = Given(
        FLOW_LOG, "b", {"vpcId": UNKNOWN, "trafficType": "ALL"}, {"vpcId": [vpc, second]}
    )
    outcome = check_stack(vpc_flow_log, [vpc, second, either])
    assert not outcome.failed
    assert "'net'" in outcome.advisory
    assert "'second'" in outcome.advisory


def test_a_vpc_can_be_exempted() -> None:
    config = {"exemptions": {"net": "Empties next week, ticket 31"}}
    assert check_stack(vpc_flow_log, [_vpc()], config=config).passed
