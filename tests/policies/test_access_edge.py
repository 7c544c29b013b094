"""Load balancers, web ACLs and buckets: what stands at the edge."""

from typing import Any

import pytest

from policies.access.buckets import bucket_owner_enforced, bucket_public_access_block
from policies.access.kinds import BUCKETS, LOAD_BALANCERS
from policies.access.load_balancers import (
    load_balancer_desync_mitigation,
    load_balancer_drops_invalid_headers,
    load_balancer_firewall,
)
from policies.access.resource_policies import resource_policy_not_public
from policies.access.web_acls import web_acl_managed_rules, web_acl_rate_limit
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import UNKNOWN, Given, check, check_stack

ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
ACL = "aws:wafv2/webAcl:WebAcl"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"


@pytest.mark.parametrize("kind", LOAD_BALANCERS)
def test_malformed_headers_are_dropped(kind: str) -> None:
    rule = load_balancer_drops_invalid_headers
    passes(rule, kind, {"dropInvalidHeaderFields": True})
    passes(rule, kind, {"loadBalancerType": "network"})
    fails(rule, kind, {}, "not set, which means false")
    fails(rule, kind, {"loadBalancerType": "application", "dropInvalidHeaderFields": False})
    waits(rule, kind, {"dropInvalidHeaderFields": UNKNOWN})


@pytest.mark.parametrize("kind", LOAD_BALANCERS)
def test_ambiguous_requests_are_refused(kind: str) -> None:
    rule = load_balancer_desync_mitigation
    passes(rule, kind, {})
    passes(rule, kind, {"desyncMitigationMode": "defensive"})
    passes(rule, kind, {"desyncMitigationMode": "strictest"})
    passes(rule, kind, {"desyncMitigationMode": "monitor", "loadBalancerType": "network"})
    fails(rule, kind, {"desyncMitigationMode": "monitor"}, "is monitor")
    waits(rule, kind, {"desyncMitigationMode": UNKNOWN})


@pytest.mark.parametrize("kind", LOAD_BALANCERS)
def test_public_load_balancers_have_a_web_acl(kind: str) -> None:
    rule = load_balancer_firewall
    balancer = Given(kind, "alb", {"id": "arn:alb"})
    stack_passes(rule, balancer, Given(ASSOCIATION, "waf", {"resourceArn": "arn:alb"}))
    stack_fails(rule, [balancer], ["alb"], "web ACL is missing")
    other = Given(ASSOCIATION, "waf", {"resourceArn": "arn:other"})
    stack_fails(rule, [balancer, other], ["alb"])
    stack_passes(rule, Given(kind, "alb", {"internal": True}))
    stack_passes(rule, Given(kind, "alb", {"loadBalancerType": "network"}))
    stack_fails(rule, [Given(kind, "alb", {"internal": UNKNOWN})], ["alb"])  # nobody said so
    depends = {"internal": other}
    stack_waits(rule, other, Given(kind, "alb", {"internal": UNKNOWN}, depends), said="internal")
    planned = Given(kind, "alb", {"id": UNKNOWN})
    waf = Given(ASSOCIATION, "waf", {"resourceArn": UNKNOWN}, {"resourceArn": planned})
    stack_passes(rule, planned, waf)


COMMON = "AWSManagedRulesCommonRuleSet"
BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"


def managed(name: Any, vendor: str = "AWS", override: str = "none") -> dict[str, Any]:
    group = {"name": name, "vendorName": vendor}
    return {
        "overrideAction": {override: {}},
        "statement": {"managedRuleGroupStatement": group},
    }


def test_web_acls_block_with_managed_rules() -> None:
    rule = web_acl_managed_rules
    both = [managed(COMMON), managed(BAD_INPUTS)]
    passes(rule, ACL, {"rules": [{"statement": {}}, {}, *both]})
    fails(rule, ACL, {"rules": [managed(COMMON)]}, f"without {BAD_INPUTS}")
    fails(rule, ACL, {"rules": [both[1]]}, f"without {COMMON}")
    fails(rule, ACL, {}, times=2)
    other = managed(COMMON, vendor="Fortinet")
    fails(rule, ACL, {"rules": [both[1], other]}, f"without {COMMON}")
    counting = managed(COMMON, override="count")
    fails(rule, ACL, {"rules": [both[1], counting]}, f"with {COMMON} only counting")
    bare = {"statement": counting["statement"]}
    fails(rule, ACL, {"rules": [both[1], bare]}, "only counting")
    passes(rule, ACL, {"rules": [managed("X")]}, config={"groups": ["X"]})
    waits(rule, ACL, {"rules": [*both[:1], UNKNOWN]})
    waits(rule, ACL, {"rules": UNKNOWN})
    one_unknown = check(rule, ACL, {"rules": [managed(UNKNOWN), both[0]]})
    assert not one_unknown.failed
    assert one_unknown.advisory.count("\n") == 1


def test_web_acls_limit_rates_in_production() -> None:
    rule = web_acl_rate_limit
    limit = {"statement": {"rateBasedStatement": {"limit": 2000}}, "action": {"block": {}}}
    passes(rule, ACL, {"rules": [{}, limit]})
    said = "without a rate limit that blocks"
    fails(rule, ACL, {}, said, spared_in_staging=True)
    counting = {**limit, "action": {"count": {}}}
    fails(rule, ACL, {"rules": [counting]}, said, spared_in_staging=True)
    fails(rule, ACL, {"rules": [{**limit, "action": None}]}, said, spared_in_staging=True)
    other: dict[str, Any] = {"statement": {"geoMatchStatement": {}}, "action": {"block": {}}}
    fails(rule, ACL, {"rules": [other]}, said, spared_in_staging=True)
    waits(rule, ACL, {"rules": [UNKNOWN]})


ALL_BLOCKED = dict.fromkeys(
    ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"], True
)


@pytest.mark.parametrize("kind", BUCKETS)
def test_buckets_block_public_access(kind: str) -> None:
    rule = bucket_public_access_block
    bucket = Given(kind, "data", {"id": UNKNOWN, "bucket": UNKNOWN})
    held = {"bucket": bucket}
    stack_passes(rule, bucket, Given(BLOCK, "block", {"bucket": UNKNOWN, **ALL_BLOCKED}, held))
    stack_fails(rule, [bucket], ["data"], "public access block is missing")
    for switch in ALL_BLOCKED:
        for value in (None, False):
            properties = {"bucket": UNKNOWN, **ALL_BLOCKED, switch: value}
            given = [bucket, Given(BLOCK, "block", properties, held)]
            stack_fails(rule, given, ["block"], f"{switch} is", exempt="data")
        unknown = {"bucket": UNKNOWN, **ALL_BLOCKED, switch: UNKNOWN}
        stack_waits(rule, bucket, Given(BLOCK, "block", unknown, held), said=switch)


def test_a_block_of_another_bucket_is_none() -> None:
    data, logs = Given(BUCKETS[0], "data", {"id": "d"}), Given(BUCKETS[0], "logs", {"id": "l"})
    block = Given(BLOCK, "block", {"bucket": "d", **ALL_BLOCKED})
    stack_fails(bucket_public_access_block, [data, logs, block], ["logs"])
    named = Given(BUCKETS[0], "named", {"id": UNKNOWN, "bucket": "by-name"})
    by_name = Given(BLOCK, "block", {"bucket": "by-name", **ALL_BLOCKED})
    other = Given(BUCKETS[0], "other", {"id": "other", "bucket": "other"})
    stack_fails(bucket_public_access_block, [named, other, by_name], ["other"])
    stack_passes(bucket_public_access_block, named, by_name)


@pytest.mark.parametrize("kind", BUCKETS)
def test_buckets_take_no_acls(kind: str) -> None:
    rule = bucket_owner_enforced
    bucket = Given(kind, "data", {"id": "d"})

    def controls(ownership: Any, of: str = "d") -> Given:
        return Given(OWNERSHIP, "own", {"bucket": of, "rule": {"objectOwnership": ownership}})

    stack_passes(rule, bucket, controls("BucketOwnerEnforced"))
    stack_fails(rule, [bucket], ["data"], "ownership controls is missing")
    stack_fails(rule, [bucket, controls("BucketOwnerEnforced", of="x")], ["data"])
    given = [bucket, controls("ObjectWriter")]
    stack_fails(rule, given, ["own"], "is ObjectWriter", exempt="data")
    bare = Given(OWNERSHIP, "own", {"bucket": "d"})
    stack_fails(rule, [bucket, bare], ["own"], exempt="data")
    stack_waits(rule, bucket, controls(UNKNOWN), said="objectOwnership")
    stack_waits(rule, bucket, controls("BucketOwnerEnforced", of=UNKNOWN), said="'data'")
    second = Given(kind, "second", {"id": "s"})
    stack_fails(rule, [bucket, second, controls("BucketOwnerEnforced")], ["second"])


HOLDERS = {
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:s3/bucket:Bucket": "policy",
    "aws:s3/bucketV2:BucketV2": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:ecr/registryPolicy:RegistryPolicy": "policy",
    "aws:backup/vaultPolicy:VaultPolicy": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "policyDocument",
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_policies_of_resources_are_not_public(kind: str) -> None:
    rule, name = resource_policy_not_public, HOLDERS[kind]
    public = '{"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "a:B"}'
    limited = public[:-1] + ', "Condition": {"StringEquals": {"aws:SourceAccount": "123"}}}'
    passes(rule, kind, {})
    passes(rule, kind, {name: f'{{"Statement": [{limited}]}}'})
    fails(rule, kind, {name: f'{{"Statement": [{limited}, {public}]}}'}, f"{name}, statement Open")
    fails(rule, kind, {name: f'{{"Statement": {public}}}'}, "open to everyone")
    fails(rule, kind, {name: "{"}, "no JSON")
    waits(rule, kind, {name: UNKNOWN})


def test_every_public_statement_is_reported() -> None:
    public = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "*"}
    properties = {"policy": {"Statement": [public, public]}}
    outcome = check(resource_policy_not_public, "aws:sns/topic:Topic", properties)
    assert outcome.failed == ["it", "it"]
    assert "statement 0" in outcome.messages
    assert "statement 1" in outcome.messages


def test_one_unknown_bucket_leaves_the_others_checked() -> None:
    unknown, bad = Given(BUCKETS[0], "a", {"id": "a"}), Given(BUCKETS[0], "b", {"id": "b"})
    block = Given(BLOCK, "block", {"bucket": UNKNOWN, **ALL_BLOCKED}, {"bucket": unknown})
    outcome = check_stack(bucket_public_access_block, [unknown, bad, block])
    assert outcome.failed == ["b"]
