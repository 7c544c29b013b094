"""DNS, certificates, WAF and CloudFront in the stand-in: changes, drift, refusals, data sources."""

from typing import Any

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.functions import FUNCTIONS
from local.providers.aws.rows import Call
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import MakeOperations, Stack, in_region
from tests.local.aws.build_edge import (
    ACCESS_CONTROL,
    ASSOCIATION,
    CACHE_POLICY,
    CACHING_OPTIMIZED,
    CERTIFICATE,
    DISTRIBUTION,
    FUNCTION,
    HEADERS_POLICY,
    HEALTH_CHECK,
    IP_SET,
    METHODS,
    RECORD,
    VALIDATION,
    WAF_LOGGING,
    WEB_ACL,
    ZONE,
    blocking,
    build_edge,
    change_addresses,
    managed,
    seen,
)

ADDRESS = {
    "zoneId": UNKNOWN,
    "name": "a.aussie-markets.com",
    "type": "A",
    "records": ["192.0.2.1"],
    "ttl": 60,
}
ALIAS = {"name": "lb.amazonaws.com", "zoneId": "Z1", "evaluateTargetHealth": True}
CHECK = {
    "type": "HTTPS",
    "fqdn": "api.aussie-markets.com",
    "resourcePath": "/health",
    "requestInterval": 30,
}
BLOCKED = {"scope": "REGIONAL", "ipAddressVersion": "IPV4"}
ACL = {"scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": seen("acl")}
RATE = {"rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP"}}
ASSETS = {
    "enabled": True,
    "origins": [{"originId": "assets", "domainName": "assets.s3.amazonaws.com"}],
    "defaultCacheBehavior": {
        "allowedMethods": METHODS,
        "cachedMethods": METHODS,
        "cachePolicyId": CACHING_OPTIMIZED,
        "targetOriginId": "assets",
        "viewerProtocolPolicy": "redirect-to-https",
    },
    "restrictions": {"geoRestriction": {"restrictionType": "none"}},
    "viewerCertificate": {"cloudfrontDefaultCertificate": True},
}
CERTIFICATE_ARN = "arn:aws:acm:us-east-1:123456789012:certificate/1"
LOGS = "arn:aws:logs:ap-southeast-2:123456789012:log-group"


def position(stack: Stack, token: str, nth: int = 0) -> int:
    return [i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token][nth]


def rate(limit: int) -> dict[str, Any]:
    return {"rateBasedStatement": {"limit": limit, "aggregateKeyType": "IP"}}


# -- changes ---------------------------------------------------------------------------------


def test_a_record_and_a_health_check_are_changed_in_place(stack: Stack) -> None:
    build_edge(stack, "records")
    text = position(stack, RECORD, -1)
    assert stack.update(text, records=["v=spf1 mx -all"], ttl=60)["records"] == ["v=spf1 mx -all"]
    primary = position(stack, RECORD, 1)
    alias = {**stack.created[primary][2]["aliases"][0], "name": "other.elb.amazonaws.com"}
    assert stack.update(primary, aliases=[alias])["aliases"] == [alias]
    # Its sibling of the same set identifier and another type is untouched.
    sibling = stack.created[position(stack, RECORD, 3)]
    assert (sibling[0].read(sibling[1], sibling[2]) or {})["aliases"] == sibling[2]["aliases"]
    found = stack.update(
        position(stack, HEALTH_CHECK), resourcePath="/ready", failureThreshold=5, disabled=True
    )
    assert (found["resourcePath"], found["failureThreshold"]) == ("/ready", 5)
    assert found["disabled"] is True


def test_records_of_one_set_identifier_are_deleted_one_by_one(stack: Stack) -> None:
    build_edge(stack, "siblings")
    operations, resource_id, inputs = stack.created[position(stack, RECORD, 1)]
    operations.delete(resource_id, inputs)
    assert operations.read(resource_id, inputs) is None
    left = stack.created[position(stack, RECORD, 3)]
    assert left[2]["setIdentifier"] == inputs["setIdentifier"]
    assert left[0].read(left[1], left[2]) is not None


def test_a_record_that_exists_is_taken_over_only_when_the_program_says_so(stack: Stack) -> None:
    zone, _ = stack.create(ZONE, "z", name="twice.aussie-markets.com")
    given = {**ADDRESS, "zoneId": zone, "name": "a.twice.aussie-markets.com"}
    stack.create(RECORD, "first", **given)
    with pytest.raises(ApiError, match=r"InvalidChangeBatch.*already exists"):
        stack.create(RECORD, "second", **given)
    _, outputs = stack.create(
        RECORD, "third", **{**given, "records": ["192.0.2.9"], "allowOverwrite": True}
    )
    assert outputs["records"] == ["192.0.2.9"]


def test_a_record_keeps_the_dot_that_acm_puts_at_the_end(stack: Stack) -> None:
    zone, _ = stack.create(ZONE, "z", name="dot.aussie-markets.com")
    name = "_acme.dot.aussie-markets.com."
    _, outputs = stack.create(RECORD, "dot", **{**ADDRESS, "zoneId": zone, "name": name})
    assert (outputs["name"], outputs["fqdn"]) == (name, name.removesuffix("."))


def test_a_zone_with_records_is_not_deleted(stack: Stack) -> None:
    zone, outputs = stack.create(ZONE, "z", name="full.aussie-markets.com", comment="first")
    assert len(outputs["nameServers"]) == 4
    assert stack.update(0, comment="second")["comment"] == "second"
    stack.create(RECORD, "a", **{**ADDRESS, "zoneId": zone, "name": "a.full.aussie-markets.com"})
    operations, resource_id, inputs = stack.created[0]
    with pytest.raises(ApiError, match="HostedZoneNotEmpty"):
        operations.delete(resource_id, inputs)


def test_a_certificate_is_issued_in_its_region_with_its_validation_records(stack: Stack) -> None:
    build_edge(stack, "certificates")
    for nth, region in ((0, "ap-southeast-2"), (1, "us-east-1")):
        operations, arn, inputs = stack.created[position(stack, CERTIFICATE, nth)]
        found = operations.read(arn, inputs) or {}
        assert f":acm:{region}:" in arn
        assert (found["region"], found["status"]) == (region, "ISSUED")
    regional = stack.created[position(stack, CERTIFICATE)]
    options = (regional[0].read(regional[1], regional[2]) or {})["domainValidationOptions"]
    name = "api.certificates.aussie-markets.com"
    assert [one["domainName"] for one in options] == [f"*.{name}", name]
    assert {one["resourceRecordType"] for one in options} == {"CNAME"}
    assert all(one["resourceRecordName"].endswith(f".{name}.") for one in options)


def test_a_certificate_without_its_record_is_never_valid(stack: Stack) -> None:
    arn, outputs = stack.create(
        CERTIFICATE, "c", domainName="alone.aussie-markets.com", validationMethod="DNS"
    )
    record = outputs["domainValidationOptions"][0]["resourceRecordName"].removesuffix(".")
    with pytest.raises(ApiError, match=r"missing .* DNS validation record"):
        stack.create(VALIDATION, "v", certificateArn=arn, validationRecordFqdns=["other"])
    with pytest.raises(ApiError, match="PENDING_VALIDATION: no hosted zone has a record"):
        stack.create(VALIDATION, "v", certificateArn=arn, validationRecordFqdns=[record])


def test_what_a_runbook_blocks_shows_as_drift_and_locks_no_later_change(stack: Stack) -> None:
    build_edge(stack, "blocks")
    index = position(stack, IP_SET)
    operations, set_id, inputs = stack.created[index]
    change_addresses(stack, index, "203.0.113.7/32")
    found = operations.read(set_id, inputs) or {}
    assert found["addresses"] == ["203.0.113.7/32"]
    assert operations.diff(inputs, operations.inputs_now(inputs, found)).changed == ("addresses",)
    changed = stack.update(index, description="changed", addresses=["203.0.113.7/32"])
    assert (changed["description"], changed["addresses"]) == ("changed", ["203.0.113.7/32"])
    assert stack.update(index, addresses=None, description=None)["addresses"] == []


def test_an_ip_set_compares_as_a_set(operations: MakeOperations) -> None:
    olds = {**BLOCKED, "addresses": ["192.0.2.1/32", "192.0.2.2/32"]}
    assert (
        operations(IP_SET).diff(olds, {**olds, "addresses": olds["addresses"][::-1]}).changed == ()
    )


def test_a_web_acl_is_updated_as_a_whole_and_loses_its_rules(stack: Stack) -> None:
    build_edge(stack, "acl")
    index = position(stack, WEB_ACL)
    rules = [blocking("rate", 0, rate(100)), managed("AWSManagedRulesCommonRuleSet", 1)]
    found = stack.update(index, rules=rules, defaultAction={"block": {}})
    assert (found["rules"], found["defaultAction"]) == (rules, {"block": {}})
    assert found["description"] == "the API"
    bodies = [{"key": "gone", "content": "gone", "contentType": "TEXT_PLAIN"}]
    assert stack.update(index, customResponseBodies=bodies)["customResponseBodies"] == bodies
    assert not stack.update(index, rules=None).get("rules")


def test_a_rule_that_was_made_to_count_behind_the_stack_is_drift(stack: Stack) -> None:
    stack.create(WEB_ACL, "counted", **ACL, rules=[blocking("rate", 0, RATE)])
    operations, acl, inputs = stack.created[0]
    api = operations.api
    which = {"Id": acl, "Name": inputs["name"], "Scope": "REGIONAL"}
    now = api.call("wafv2", Call("get_web_acl"), {}, which)
    rule = {**now["WebACL"]["Rules"][0], "Action": {"Count": {}}}
    kept = {name: now["WebACL"][name] for name in ("DefaultAction", "VisibilityConfig")}
    update = {**which, **kept, "LockToken": now["LockToken"], "Rules": [rule]}
    api.call("wafv2", Call("update_web_acl"), {}, update)
    found = operations.inputs_now(inputs, operations.read(acl, inputs) or {})
    assert operations.diff(inputs, found).changed == ("rules",)


def test_a_set_that_an_acl_refers_to_is_not_deleted(stack: Stack) -> None:
    build_edge(stack, "referred")
    operations, set_id, inputs = stack.created[position(stack, IP_SET)]
    with pytest.raises(ApiError, match=r"WAFAssociatedItemException.*acl-referred"):
        operations.delete(set_id, inputs)


def test_an_acl_that_protects_a_distribution_is_not_deleted(stack: Stack) -> None:
    build_edge(stack, "protects")
    operations, acl, inputs = stack.created[position(stack, WEB_ACL, 1)]
    assert (inputs["scope"], operations.api.region) == ("CLOUDFRONT", "us-east-1")
    with pytest.raises(ApiError, match="WAFAssociatedItemException"):
        operations.delete(acl, inputs)


def test_logging_of_an_acl_loses_its_filter(stack: Stack) -> None:
    build_edge(stack, "filter")
    index = position(stack, WAF_LOGGING)
    fields = [{"singleHeader": {"name": "cookie"}}]
    found = stack.update(index, loggingFilter=None, redactedFields=fields)
    assert found["redactedFields"] == fields
    assert not found.get("loggingFilter")


def test_a_distribution_is_changed_in_place_and_keeps_what_is_not_changed(stack: Stack) -> None:
    build_edge(stack, "cdn")
    index = position(stack, DISTRIBUTION)
    before = stack.created[index][0].read(*stack.created[index][1:]) or {}
    found = stack.update(index, comment="changed", priceClass="PriceClass_200", aliases=None)
    assert (found["comment"], found["priceClass"]) == ("changed", "PriceClass_200")
    assert not found.get("aliases")
    for name in ("callerReference", "domainName", "originGroups", "origins", "webAclId"):
        assert found[name] == before[name], name
    assert found["hostedZoneId"] == "Z2FDTNDATAQYW2"


def test_a_distribution_that_was_disabled_behind_the_stack_is_drift(stack: Stack) -> None:
    stack.create(DISTRIBUTION, "off", **ASSETS)
    operations, distribution, inputs = stack.created[0]
    answer = operations.api.call(
        "cloudfront", Call("get_distribution_config"), {}, {"Id": distribution}
    )
    config = {**answer["DistributionConfig"], "Enabled": False}
    update = {"Id": distribution, "IfMatch": answer["ETag"], "DistributionConfig": config}
    operations.api.call("cloudfront", Call("update_distribution"), {}, update)
    found = operations.inputs_now(inputs, operations.read(distribution, inputs) or {})
    assert operations.diff(inputs, found).changed == ("enabled",)


@pytest.mark.parametrize("token", [ACCESS_CONTROL, CERTIFICATE])
def test_what_a_distribution_uses_is_not_deleted(stack: Stack, token: str) -> None:
    build_edge(stack, f"used-{token[-3:].lower()}")
    operations, resource_id, inputs = stack.created[
        position(stack, token, 1 if token == CERTIFICATE else 0)
    ]
    with pytest.raises(ApiError, match=r"InUse"):
        operations.delete(resource_id, inputs)


def test_policies_and_functions_are_changed_in_place(stack: Stack) -> None:
    build_edge(stack, "policies")
    assert stack.update(position(stack, CACHE_POLICY), defaultTtl=5)["defaultTtl"] == 5
    headers = position(stack, HEADERS_POLICY)
    assert stack.update(headers, comment="changed")["comment"] == "changed"
    code = "function handler(event) { return event.response; }"
    assert stack.update(position(stack, FUNCTION), code=code)["code"] == code
    control = position(stack, ACCESS_CONTROL)
    assert stack.update(control, signingBehavior="no-override")["signingBehavior"] == "no-override"


@pytest.mark.parametrize(
    ("token", "olds", "changes"),
    [
        (ZONE, {"name": "a.com"}, {"name": "b.com"}),
        (RECORD, {**ADDRESS, "zoneId": "Z1"}, {"name": "b.aussie-markets.com"}),
        (RECORD, {**ADDRESS, "zoneId": "Z1"}, {"zoneId": "Z2"}),
        (HEALTH_CHECK, CHECK, {"requestInterval": 10}),
        (HEALTH_CHECK, CHECK, {"type": "HTTP"}),
        (CERTIFICATE, {"domainName": "a.com"}, {"subjectAlternativeNames": ["b.com"]}),
        (CERTIFICATE, {"domainName": "a.com"}, {"domainName": "b.com"}),
        (VALIDATION, {"certificateArn": "a"}, {"certificateArn": "b"}),
        (IP_SET, BLOCKED, {"ipAddressVersion": "IPV6"}),
        (IP_SET, BLOCKED, {"scope": "CLOUDFRONT"}),
        (WEB_ACL, ACL, {"name": "other"}),
        (ASSOCIATION, {"webAclArn": "a", "resourceArn": "b"}, {"webAclArn": "c"}),
        (WAF_LOGGING, {"resourceArn": "a"}, {"logDestinationConfigs": ["b"]}),
        (FUNCTION, {"name": "a"}, {"name": "b"}),
    ],
)
def test_what_aws_cannot_update_is_a_replacement(
    operations: MakeOperations, token: str, olds: Properties, changes: Properties
) -> None:
    assert operations(token).diff(olds, {**olds, **changes}).replaces == tuple(changes)


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "properties", "where", "reason"),
    [
        (RECORD, {**ADDRESS, "records": None, "ttl": None}, "records", "exactly one of records"),
        (RECORD, {**ADDRESS, "ttl": None}, "ttl", "TTL is required"),
        (
            RECORD,
            {**ADDRESS, "records": None, "aliases": [ALIAS]},
            "ttl",
            "leave ttl out",
        ),
        (
            RECORD,
            {**ADDRESS, "weightedRoutingPolicies": [{"weight": 1}]},
            "setIdentifier",
            "SetIdentifier is required",
        ),
        (RECORD, {**ADDRESS, "setIdentifier": "a"}, "setIdentifier", "with a routing policy"),
        (
            RECORD,
            {
                **ADDRESS,
                "setIdentifier": "a",
                "failoverRoutingPolicies": [{"type": "PRIMARY"}],
            },
            "healthCheckId",
            "needs a health check",
        ),
        (RECORD, {**ADDRESS, "type": "X"}, "type", "is not one of"),
        (HEALTH_CHECK, {**CHECK, "requestInterval": 20}, "requestInterval", "one of 10, 30"),
        (HEALTH_CHECK, {**CHECK, "requestInterval": None}, "requestInterval", "is required"),
        (HEALTH_CHECK, {**CHECK, "failureThreshold": 11}, "failureThreshold", "1 and 10"),
        (HEALTH_CHECK, {**CHECK, "fqdn": None}, "fqdn", "needs fqdn or ipAddress"),
        (HEALTH_CHECK, {**CHECK, "searchString": "ok"}, "searchString", "STR_MATCH"),
        (HEALTH_CHECK, {**CHECK, "resourcePath": "health"}, "resourcePath", "begin with /"),
        (CERTIFICATE, {"domainName": "a.com"}, "validationMethod", "is to be given"),
        (
            CERTIFICATE,
            {"domainName": f"{'a' * 63}.com", "validationMethod": "DNS"},
            "domainName",
            "at most 64",
        ),
        (IP_SET, {**BLOCKED, "addresses": ["192.0.2.1"]}, "addresses", "192.0.2.1/32"),
        (IP_SET, {**BLOCKED, "addresses": ["2001:db8::/32"]}, "addresses", "IPv6 in a set of"),
        (IP_SET, {**BLOCKED, "addresses": ["0.0.0.0/0"]}, "addresses", "prefix /0"),
        (IP_SET, {**BLOCKED, "addresses": ["office"]}, "addresses", "no block of addresses"),
        (IP_SET, {**BLOCKED, "scope": "CLOUDFRONT"}, "scope", "us-east-1"),
        (WEB_ACL, {**ACL, "scope": "CLOUDFRONT"}, "scope", "us-east-1"),
        (
            WEB_ACL,
            {**ACL, "rules": [blocking("a", 1, RATE), blocking("b", 1, RATE)]},
            "rules.1.priority",
            "that of another rule",
        ),
        (
            WEB_ACL,
            {**ACL, "rules": [blocking("a", 1, RATE), blocking("a", 2, RATE)]},
            "rules.1.name",
            "two rules are a",
        ),
        (WEB_ACL, {**ACL, "rules": [blocking("a", 1, rate(9))]}, "rules", "9 is not between 10"),
        (
            WEB_ACL,
            {**ACL, "rules": [blocking("a", 1, rate(2_000_000_001))]},
            "rules",
            "is not between 10 and 2000000000",
        ),
        (
            WEB_ACL,
            {**ACL, "rules": [{**managed("a", 1), "action": {"count": {}}}]},
            "rules.0.overrideAction",
            "takes overrideAction and not action",
        ),
        (
            WEB_ACL,
            {**ACL, "rules": [{**blocking("a", 1, RATE), "overrideAction": {"none": {}}}]},
            "rules.0.action",
            "takes action and not overrideAction",
        ),
        (
            ASSOCIATION,
            {
                "webAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/1",
                "resourceArn": "arn:aws:cloudfront::123456789012:distribution/E1",
            },
            "resourceArn",
            "in webAclId",
        ),
        (
            WAF_LOGGING,
            {"resourceArn": UNKNOWN, "logDestinationConfigs": [f"{LOGS}:/aws/waf"]},
            "logDestinationConfigs",
            "does not begin with aws-waf-logs-",
        ),
        (
            DISTRIBUTION,
            {
                **ASSETS,
                "viewerCertificate": {
                    "acmCertificateArn": CERTIFICATE_ARN.replace("us-east-1", "ap-southeast-2"),
                    "sslSupportMethod": "sni-only",
                },
            },
            "viewerCertificate.acmCertificateArn",
            "isn't in us-east-1 region",
        ),
        (DISTRIBUTION, {**ASSETS, "aliases": ["a.com"]}, "aliases", "attach a trusted certificate"),
        (
            DISTRIBUTION,
            {**ASSETS, "viewerCertificate": {"acmCertificateArn": CERTIFICATE_ARN}},
            "viewerCertificate.sslSupportMethod",
            "sni-only",
        ),
        (
            DISTRIBUTION,
            {
                **ASSETS,
                "defaultCacheBehavior": {
                    **ASSETS["defaultCacheBehavior"],  # type: ignore[dict-item]
                    "targetOriginId": "nowhere",
                },
            },
            "defaultCacheBehavior",
            "do not exist: nowhere",
        ),
        (
            DISTRIBUTION,
            {
                **ASSETS,
                "originGroups": [
                    {
                        "originId": "both",
                        "failoverCriteria": {"statusCodes": [500]},
                        "members": [{"originId": "assets"}, {"originId": "nowhere"}],
                    }
                ],
            },
            "originGroups",
            "no origin nowhere",
        ),
        (DISTRIBUTION, {**ASSETS, "loggingConfig": {"bucket": "logs"}}, "loggingConfig", "bucket"),
        (
            DISTRIBUTION,
            {**ASSETS, "webAclId": "arn:aws:wafv2:ap-southeast-2:1:regional/webacl/a/1"},
            "webAclId",
            "scope CLOUDFRONT",
        ),
        (DISTRIBUTION, {**ASSETS, "priceClass": "PriceClass_9"}, "priceClass", "is not one of"),
        (
            CACHE_POLICY,
            {"minTtl": -1, "parametersInCacheKeyAndForwardedToOrigin": UNKNOWN},
            "minTtl",
            "less than the minimum of 0",
        ),
        (
            ACCESS_CONTROL,
            {
                "originAccessControlOriginType": "s3",
                "signingBehavior": "sometimes",
                "signingProtocol": "sigv4",
            },
            "signingBehavior",
            "sometimes",
        ),
    ],
)
def test_preview_refuses_with_awss_reason(
    operations: MakeOperations, token: str, properties: dict[str, Any], where: str, reason: str
) -> None:
    subject = operations(token)
    given = {name: value for name, value in properties.items() if value is not None}
    refusals = list(subject.refusals(subject.check("name", {}, given, b"seed")))
    assert any(place.startswith(where) and reason in text for place, text in refusals), refusals
    assert {place.split(".")[0] for place, _ in refusals} == {where.split(".")[0]}
    assert all(len(text) < 300 for _, text in refusals)


@pytest.mark.parametrize(
    ("token", "properties"),
    [
        (RECORD, {**ADDRESS, "zoneId": UNKNOWN, "records": UNKNOWN}),
        (IP_SET, {**BLOCKED, "addresses": UNKNOWN}),
        (
            WEB_ACL,
            {**ACL, "rules": [blocking("a", 0, {"ipSetReferenceStatement": {"arn": UNKNOWN}})]},
        ),
        (WAF_LOGGING, {"resourceArn": UNKNOWN, "logDestinationConfigs": [UNKNOWN]}),
        (
            DISTRIBUTION,
            {
                **ASSETS,
                "aliases": ["a.com"],
                "origins": [{"originId": "assets", "domainName": UNKNOWN}],
                "viewerCertificate": {"acmCertificateArn": UNKNOWN, "sslSupportMethod": "sni-only"},
                "webAclId": UNKNOWN,
            },
        ),
        (VALIDATION, {"certificateArn": UNKNOWN, "validationRecordFqdns": [UNKNOWN]}),
    ],
)
def test_what_is_unknown_is_not_refused(
    operations: MakeOperations, token: str, properties: Properties
) -> None:
    subject = operations(token)
    assert list(subject.refusals(subject.check("name", {}, properties, b"seed"))) == []


def test_scope_cloudfront_is_allowed_in_us_east_1(operations: MakeOperations) -> None:
    subject = in_region(operations(IP_SET), "us-east-1")
    given = {**BLOCKED, "scope": "CLOUDFRONT", "region": "us-east-1"}
    assert list(subject.refusals(subject.check("name", {}, given, b"seed"))) == []


def test_a_record_outside_its_zone_is_refused(stack: Stack) -> None:
    zone, _ = stack.create(ZONE, "z", name="inside.aussie-markets.com")
    record = stack.operations(RECORD)
    for name in ("a.elsewhere.com", "notinside.aussie-markets.com", "relative"):
        given = record.check("r", {}, {**ADDRESS, "zoneId": zone, "name": name}, b"seed")
        ((where, reason),) = record.refusals(given)
        assert where == "name"
        assert "is not in the zone inside.aussie-markets.com" in reason
    missing = record.check("r", {}, {**ADDRESS, "zoneId": "Z0"}, b"seed")
    assert [where for where, _ in record.refusals(missing)] == ["zoneId"]


# -- data sources ----------------------------------------------------------------------------


def test_a_zone_is_found_by_its_name_and_a_missing_one_is_named(stack: Stack, api: Api) -> None:
    get_zone = FUNCTIONS["aws:route53/getZone:getZone"]
    with pytest.raises(ApiError, match=r"no matching Route 53 Hosted Zone found: found\.example"):
        get_zone(api, {"name": "found.example"})
    zone, outputs = stack.create(ZONE, "z", name="found.example")
    for arguments in ({"name": "found.example."}, {"zoneId": zone}):
        found = get_zone(api, arguments)
        assert (found["zoneId"], found["name"]) == (zone, "found.example")
        assert found["nameServers"] == outputs["nameServers"]
        assert found["tags"] == {"Environment": "test"}
    stack.create(ZONE, "again", name="found.example")
    with pytest.raises(ApiError, match="multiple Route 53 Hosted Zones matched"):
        get_zone(api, {"name": "found.example"})


def test_the_cache_policies_that_aws_manages_have_their_documented_ids(api: Api) -> None:
    get_policy = FUNCTIONS["aws:cloudfront/getCachePolicy:getCachePolicy"]
    assert get_policy(api, {"name": "Managed-CachingOptimized"})["id"] == CACHING_OPTIMIZED
    assert get_policy(api, {"id": CACHING_OPTIMIZED})["name"] == "Managed-CachingOptimized"
    with pytest.raises(ApiError, match="no matching CloudFront Cache Policy"):
        get_policy(api, {"name": "CachingOptimized"})
