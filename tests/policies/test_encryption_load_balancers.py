"""Load balancers in the encryption pack."""

from typing import Any

import pytest

from policies.encryption.load_balancers import (
    listener_https,
    listener_rule_https,
    listener_tls_policy,
    target_group_https,
)
from tests.policies.cases import Case, stack_fails, stack_passes, stack_waits
from tests.policies.harness import UNKNOWN, Given, check

MODULES = ["lb", "alb", "elasticloadbalancingv2", "applicationloadbalancing"]
LISTENERS = [f"aws:{module}/listener:Listener" for module in MODULES]
LISTENER_RULES = [f"aws:{module}/listenerRule:ListenerRule" for module in MODULES]
TARGET_GROUPS = [f"aws:{module}/targetGroup:TargetGroup" for module in MODULES]

TO_HTTPS = {"type": "redirect", "redirect": {"protocol": "HTTPS", "statusCode": "HTTP_301"}}
FORWARD = {"type": "forward", "targetGroupArn": "arn"}

CASES = [
    *(
        Case(
            listener_https,
            kind,
            {"protocol": "HTTPS", "defaultActions": [FORWARD]},
            [
                ({"protocol": "HTTP"}, "defaultActions[0] is forward over HTTP"),
                ({"protocol": None}, "wanted is a redirect to HTTPS"),
                (
                    {"protocol": "HTTP", "defaultActions": [TO_HTTPS, {"type": "fixed-response"}]},
                    "defaultActions[1] is fixed-response over HTTP",
                ),
                (
                    {
                        "protocol": "HTTP",
                        "defaultActions": [{"type": "redirect", "redirect": {"host": "x"}}],
                    },
                    "defaultActions[0] is redirect over HTTP",
                ),
                (
                    {
                        "protocol": "HTTP",
                        "defaultActions": [{**TO_HTTPS, "type": "forward"}],
                    },
                    "defaultActions[0] is forward over HTTP",
                ),
                ({"protocol": "HTTP", "defaultActions": [{"type": "redirect"}]}, "redirect over"),
                ({"protocol": "TCP"}, "protocol is TCP, wanted is HTTPS or TLS"),
            ],
            also_good=[
                {"protocol": "TLS"},
                {"protocol": "HTTP", "defaultActions": [TO_HTTPS]},
                {"protocol": "HTTP", "defaultActions": None},
            ],
            undecided=[
                {"protocol": UNKNOWN},
                {"protocol": "HTTP", "defaultActions": UNKNOWN},
                {"protocol": "HTTP", "defaultActions": [{"type": UNKNOWN}]},
            ],
        )
        for kind in LISTENERS
    ),
    *(
        Case(
            listener_tls_policy,
            kind,
            {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
            [
                ({"sslPolicy": None}, "not set, which means ELBSecurityPolicy-2016-08"),
                ({"sslPolicy": "ELBSecurityPolicy-2016-08"}, "ELBSecurityPolicy-2016-08, wanted"),
                ({"sslPolicy": "ELBSecurityPolicy-TLS13-1-0-2021-06"}, "TLS 1.2 and 1.3 alone"),
                ({"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06"}, "Ext1"),
                ({"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06"}, "Ext2"),
                ({"sslPolicy": "ELBSecurityPolicy-TLS-1-2-2017-01", "protocol": "TLS"}, "2017"),
            ],
            also_good=[
                {"sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"},
                {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"},
                {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"},
                {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09"},
                {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04"},
                {"sslPolicy": None, "protocol": "HTTP"},
                {"sslPolicy": None, "protocol": None},
            ],
        )
        for kind in LISTENERS
    ),
    *(
        Case(
            target_group_https,
            kind,
            {"protocol": "HTTPS"},
            [
                ({"protocol": "HTTP"}, "protocol is HTTP, wanted is HTTPS or TLS"),
                ({"protocol": None}, "protocol is not set"),
                ({"protocol": None, "targetType": "ip"}, "protocol is not set"),
            ],
            also_good=[{"protocol": "TLS"}, {"protocol": None, "targetType": "lambda"}],
            undecided=[{"protocol": UNKNOWN}, {"targetType": UNKNOWN}],
            spared_in_staging=True,
        )
        for kind in TARGET_GROUPS
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_passes_and_what_does_not(case: Case) -> None:
    case.verify()


def test_an_unknown_action_hides_no_other() -> None:
    given = {"protocol": "HTTP", "defaultActions": [{"type": UNKNOWN}, FORWARD]}
    outcome = check(listener_https, LISTENERS[0], given)
    assert outcome.failed == ["it"]
    assert "type" in outcome.advisory


def test_policies_can_be_configured() -> None:
    config = {"policies": ["ELBSecurityPolicy-Next-*"]}
    for policy, passes in (("ELBSecurityPolicy-Next-1", True), (None, False)):
        given = {"protocol": "HTTPS"} | ({"sslPolicy": policy} if policy else {})
        assert check(listener_tls_policy, LISTENERS[0], given, config=config).passed is passes


@pytest.mark.parametrize(
    ("name", "passes"),
    [("api-blue", True), ("worker-green", True), ("api", False), ("blueprint", False)],
)
def test_target_groups_of_the_services_are_exempted(name: str, passes: bool) -> None:
    outcome = check(target_group_https, TARGET_GROUPS[0], {"protocol": "HTTP"}, name=name)
    assert outcome.passed is passes


def served(
    action: dict[str, Any],
    *,
    protocol: str | None = "HTTP",
    known: bool = True,
    kinds: tuple[str, str] = (LISTENERS[0], LISTENER_RULES[0]),
) -> list[Given]:
    arn = "arn:aws:elasticloadbalancing:1:listener/app/a/1/2" if known else UNKNOWN
    own = {"arn": arn} | ({"protocol": protocol} if protocol else {})
    listener = Given(kinds[0], "listener", own)
    rule = {"listenerArn": arn, "actions": [action]}
    return [listener, Given(kinds[1], "rule", rule, {"listenerArn": listener})]


@pytest.mark.parametrize("kind", LISTENERS)
@pytest.mark.parametrize("rule_kind", LISTENER_RULES)
@pytest.mark.parametrize("known", [True, False])
def test_rules_of_an_http_listener_only_redirect(kind: str, rule_kind: str, known: bool) -> None:
    kinds = (kind, rule_kind)
    stack_passes(listener_rule_https, *served(TO_HTTPS, known=known, kinds=kinds))
    stack_passes(listener_rule_https, *served(FORWARD, protocol="HTTPS", known=known, kinds=kinds))
    for protocol in ("HTTP", None):
        stack_fails(
            listener_rule_https,
            served(FORWARD, protocol=protocol, known=known, kinds=kinds),
            ["rule"],
            "actions[0] is forward over HTTP, wanted is a redirect to HTTPS",
        )


def test_a_rule_belongs_to_one_listener() -> None:
    _, rule = https = served(FORWARD, protocol="HTTPS")
    http = Given(LISTENERS[0], "http", {"protocol": "HTTP", "arn": "arn:other"})
    stack_passes(listener_rule_https, *https, http)
    rule.properties = {**rule.properties, "listenerArn": UNKNOWN}
    rule.depends = {"listenerArn": [https[0], http]}
    for listener in (https[0], http):
        listener.properties = {**listener.properties, "arn": UNKNOWN}
    stack_waits(listener_rule_https, *https, http, said="'rule'")
