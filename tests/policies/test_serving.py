"""A pack that is served in parts answers what the SDK's single servicer answers."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from pulumi.runtime.proto import analyzer_pb2 as protocol
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ResourceValidationPolicy,
    StackValidationPolicy,
)
from pulumi_policy import (
    policy as sdk,
)

from policies.shared import serving
from policies.shared.rule import ResourceRule
from tests.policies.harness import PACKS, PRODUCTION, STAGING, UNKNOWN, rules_of

# Read by rules of every pack; unknown, they leave something for the update.
READ: Final = (
    *("tagsAll", "policy", "assumeRolePolicy", "name", "kmsKeyId", "kmsKeyArn", "encrypted"),
    *("storageEncrypted", "ingress", "cidrIpv4", "retentionInDays", "backupRetentionPeriod"),
    *("multiAz", "subnetIds", "deletionProtection", "bucket", "loadBalancerType"),
)
NOBODYS: Final = "aws:ec2/placementGroup:PlacementGroup"


def both(rules: list[Policy]) -> tuple[Any, Any]:
    """The pack in parts, and as the SDK serves it."""
    of_pack: tuple[Any, ...] = ("pack", "1.2.3", rules, EnforcementLevel.MANDATORY)
    return serving.Analyzer(*of_pack), sdk._PolicyAnalyzerServicer(*of_pack)


def request(
    type_: str, name: str, properties: dict[str, Any], stack: str = PRODUCTION
) -> protocol.AnalyzeRequest:
    urn = f"urn:pulumi:{stack}::aussie-markets::{type_}::{name}"
    made = protocol.AnalyzeRequest(type=type_, name=name, urn=urn)
    made.properties.update(properties)
    return made


def requests(rules: list[Policy], stack: str) -> Iterator[protocol.AnalyzeRequest]:
    """Of each type one resource without properties, and one whose properties nobody knows."""
    types = {each for rule in rules for each in getattr(rule, "types", ())}
    for type_ in sorted({*types, NOBODYS, "aws:s3/bucket:Bucket", "aws:rds/instance:Instance"}):
        yield request(type_, "bare", {}, stack)
        yield request(type_, "unknown", dict.fromkeys(READ, UNKNOWN), stack)


def stack_of(resources: list[protocol.AnalyzeRequest]) -> protocol.AnalyzeStackRequest:
    """Each resource depends on the one before it, and is its child."""
    whole = protocol.AnalyzeStackRequest()
    for number, each in enumerate(resources):
        made = whole.resources.add(
            type=each.type, name=each.name, urn=each.urn, properties=each.properties
        )
        if number:
            before = resources[number - 1].urn
            made.parent = before
            made.dependencies.append(before)
            for key in READ:
                made.propertyDependencies[key].urns.append(before)
    return whole


@pytest.mark.parametrize("stack", [STAGING, PRODUCTION])
@pytest.mark.parametrize("pack", [pack.name for pack in PACKS])
def test_the_answers_are_those_of_the_sdk(pack: str, stack: str) -> None:
    rules = rules_of(pack)
    ours, sdks = both(rules)
    resources = list(requests(rules, stack))
    answers = [ours.Analyze(each, None) for each in resources]
    assert answers == [sdks.Analyze(each, None) for each in resources]
    whole = stack_of(resources)
    of_stack = ours.AnalyzeStack(whole, None)
    assert of_stack == sdks.AnalyzeStack(whole, None)
    said = [each for answer in (*answers, of_stack) for each in answer.diagnostics]
    levels = {each.enforcementLevel for each in said}
    assert protocol.MANDATORY in levels
    assert protocol.ADVISORY in levels or stack == STAGING
    assert ours.GetAnalyzerInfo(None, None) == sdks.GetAnalyzerInfo(None, None)
    assert [ours.Remediate(each, None) for each in resources] == [
        sdks.Remediate(each, None) for each in resources
    ]


@pytest.mark.parametrize("pack", [pack.name for pack in PACKS])
def test_levels_and_settings_reach_every_part(pack: str) -> None:
    rules = rules_of(pack)
    ours, sdks = both(rules)
    resources = list(requests(rules, PRODUCTION))
    whole = stack_of(resources)
    before = [ours.Analyze(each, None) for each in resources]
    configured = protocol.ConfigureAnalyzerRequest()
    for number, rule in enumerate(rules):
        config = configured.policyConfig[rule.name]
        config.enforcementLevel = (protocol.DISABLED, protocol.ADVISORY)[number % 2]
        config.properties.update({"exemptions": {"unknown": "a reason that is long enough"}})
    for servicer in (ours, sdks):
        servicer.Configure(configured, None)
        servicer.ConfigureStack(protocol.AnalyzerStackConfigureRequest(tags={"a": "b"}), None)
    answers = [ours.Analyze(each, None) for each in resources]
    assert answers == [sdks.Analyze(each, None) for each in resources]
    assert ours.AnalyzeStack(whole, None) == sdks.AnalyzeStack(whole, None)
    assert answers != before


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    built: list[Any] = []
    real = vars(sdk)["deserialize_properties"]

    def count(properties: Any, *how: Any) -> Any:
        built.append(properties)
        return real(properties, *how)

    monkeypatch.setattr(sdk, "deserialize_properties", count)
    return built


def test_a_resource_that_no_rule_is_about_is_not_even_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, _ = both(rules_of("encryption"))
    built = counted(monkeypatch)
    ours.Analyze(request(NOBODYS, "it", {}), None)
    assert built == []


def test_a_resource_is_built_for_the_rules_that_are_about_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules, type_ = rules_of("encryption"), "aws:kms/key:Key"
    about = [rule for rule in rules if type_ in getattr(rule, "types", ())]
    assert 0 < len(about) < len(rules)
    ours, _ = both(rules)
    built = counted(monkeypatch)
    ours.Analyze(request(type_, "it", {}), None)
    assert len(built) == len(about)


def test_a_stack_is_built_once_for_all_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = rules_of("access")
    assert sum(isinstance(rule, StackValidationPolicy) for rule in rules) > 2
    ours, _ = both(rules)
    whole = stack_of(list(requests(rules, PRODUCTION)))
    built = counted(monkeypatch)
    ours.AnalyzeStack(whole, None)
    assert len(built) == len(whole.resources)


def plain(name: str, seen: list[str]) -> ResourceValidationPolicy:
    return ResourceValidationPolicy(name, "Any.", lambda args, _: seen.append(args.resource_type))


def typed(type_: str, seen: list[str]) -> ResourceRule:
    return ResourceRule(
        frozenset({type_}),
        name="typed",
        description="One.",
        validate=lambda args, _: seen.append(args.resource_type),
    )


def test_a_rule_that_names_no_types_is_asked_about_all() -> None:
    everywhere, of_one = list[str](), list[str]()
    ours, _ = both([plain("plain", everywhere), typed("a:b:C", of_one)])
    for type_ in ("a:b:C", NOBODYS):
        ours.Analyze(request(type_, "it", {}), None)
    assert (everywhere, of_one) == (["a:b:C", NOBODYS], ["a:b:C"])


def test_a_pack_with_nothing_but_rules_for_a_type_is_silent_about_others() -> None:
    seen: list[str] = []
    ours, _ = both([typed("a:b:C", seen)])
    ours.Configure(protocol.ConfigureAnalyzerRequest(), None)
    assert ours.Analyze(request(NOBODYS, "it", {}), None) == protocol.AnalyzeResponse()
    assert seen == []


def test_a_pack_without_stack_rules_has_nothing_to_say_of_a_stack() -> None:
    ours, sdks = both([plain("plain", [])])
    whole = stack_of([request(NOBODYS, "it", {})])
    assert ours.AnalyzeStack(whole, None) == sdks.AnalyzeStack(whole, None)


def test_serving_gives_the_sdk_the_servicer_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []
    monkeypatch.setattr(sdk, "_PolicyAnalyzerServicer", sdk._PolicyAnalyzerServicer)
    monkeypatch.setattr(
        serving,
        "PolicyPack",
        lambda *how: served.append((sdk._PolicyAnalyzerServicer, *how)),
    )
    rules: list[Policy] = [plain("plain", [])]
    serving.serve("a-pack", rules)
    assert served == [(serving.Analyzer, "a-pack", rules, EnforcementLevel.MANDATORY)]
