"""What identities may do, who may become one, and what carries their tags."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi_policy import ResourceValidationPolicy

from policies.access.identities import iam_no_administrator_policy, iam_no_users, role_trust
from policies.access.identity_policies import (
    iam_decrypt_named_keys,
    iam_no_escalation,
    iam_no_full_access,
    iam_no_inverted_grants,
    iam_pass_role,
    iam_write_named_resources,
)
from policies.access.tags import tag_environment, tags_present
from tests.policies.cases import fails, passes, stack_fails, stack_passes, stack_waits, waits
from tests.policies.harness import PRODUCTION, UNKNOWN, UNLISTED, Given, check, check_stack

ROLE = "aws:iam/role:Role"
INLINE_POLICY = "aws:iam/rolePolicy:RolePolicy"
HOLDERS = [
    "aws:iam/policy:Policy",
    INLINE_POLICY,
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
]
RULES = [
    iam_decrypt_named_keys,
    iam_no_escalation,
    iam_no_full_access,
    iam_no_inverted_grants,
    iam_pass_role,
    iam_write_named_resources,
]
QUEUE = "arn:aws:sqs:ap-southeast-2:123456789012:jobs"
SOMEONE = "arn:aws:iam::123456789012:role/aussie-markets-api"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"policy": json.dumps({"Statement": list(statements)})}


def allow(action: Any, resource: Any = QUEUE, **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


BAD: list[tuple[ResourceValidationPolicy, dict[str, Any], str]] = [
    (iam_no_full_access, allow("*"), "Action is *"),
    (iam_no_full_access, allow("sqs:*"), "Action is sqs:*"),
    (iam_no_full_access, allow(["sqs:SendMessage", "s3:**"]), "Action is s3:**"),
    (iam_no_inverted_grants, {**allow("x"), "NotAction": "iam:*"}, "NotAction is in an Allow"),
    (iam_no_inverted_grants, {**allow("x"), "NotResource": QUEUE}, "NotResource is in an Allow"),
    (iam_write_named_resources, allow("sqs:SendMessage", "*"), "* for sqs:SendMessage"),
    (
        iam_write_named_resources,
        allow(["sqs:SendMessage", "sqs:DeleteMessage", "sqs:GetQueueUrl"], "*"),
        "* for sqs:DeleteMessage, sqs:SendMessage",
    ),
    (
        iam_write_named_resources,
        allow("rds:DeleteDBInstance", [QUEUE, "arn:aws:rds:*:123456789012:db:*"]),
        "arn:aws:rds:*:123456789012:db:* for rds:DeleteDBInstance",
    ),
    (iam_write_named_resources, allow("s3:PutObject", "arn:aws:s3:::*/*"), "arn:aws:s3:::*/*"),
    (iam_write_named_resources, allow("s3:Put*", "arn:aws:s3:::*"), "for s3:Put*"),
    (
        iam_write_named_resources,
        {"Effect": "Allow", "Action": "sqs:SendMessage", "NotResource": QUEUE},
        "all but a few for sqs:SendMessage",
    ),
    (
        iam_write_named_resources,
        allow("sqs:SendMessage", "*", Condition={"StringEquals": {"aws:username": "x"}}),
        "* for sqs:SendMessage",
    ),
    (
        iam_pass_role,
        allow("iam:PassRole", "*", Condition={"StringEquals": {"iam:PassedToService": "a"}}),
        "any role",
    ),
    (
        iam_pass_role,
        allow(
            "iam:Pass*",
            "arn:aws:iam::123456789012:role/*",
            Condition={"StringEquals": {"iam:PassedToService": "a"}},
        ),
        "any role",
    ),
    (
        iam_pass_role,
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "NotResource": SOMEONE,
            "Condition": {"StringEquals": {"iam:PassedToService": "a"}},
        },
        "any role",
    ),
    (iam_pass_role, allow("iam:PassRole", SOMEONE), "without iam:PassedToService"),
    (
        iam_pass_role,
        allow("iam:PassRole", SOMEONE, Condition={"StringLike": {"iam:PassedToService": "*"}}),
        "without iam:PassedToService",
    ),
    (iam_no_escalation, allow("iam:AttachRolePolicy", "*"), "which gives it any right"),
    (
        iam_no_escalation,
        allow("iam:Attach*", "*"),
        "iam:AttachUserPolicy, iam:AttachGroupPolicy, iam:AttachRolePolicy",
    ),
    (iam_no_escalation, allow("sts:AssumeRole", "arn:aws:iam::*:role/*"), "rights of others"),
    (iam_no_escalation, allow("ssm:GetParameter*", "*"), "everybody's data"),
    (iam_no_escalation, allow("s3:GetObject", "arn:aws:s3:::*"), "for s3:GetObject"),
    (iam_decrypt_named_keys, allow("kms:Decrypt", "*"), "* for kms:Decrypt"),
    (iam_decrypt_named_keys, allow("kms:ReEncrypt*", "*"), "* for kms:ReEncryptFrom"),
    (iam_decrypt_named_keys, allow("kms:Decrypt", "arn:aws:kms:*:123456789012:key/*"), "key/*"),
]


@pytest.mark.parametrize(("rule", "statement", "said"), BAD)
@pytest.mark.parametrize("kind", HOLDERS)
def test_what_no_policy_grants(
    rule: ResourceValidationPolicy, statement: dict[str, Any], said: str, kind: str
) -> None:
    harmless = allow("sqs:SendMessage")
    fails(rule, kind, policy(harmless, {"Sid": "Bad", **statement}), said, "statement Bad")
    passes(rule, kind, policy(harmless, {**statement, "Effect": "Deny"}))


@pytest.mark.parametrize(("rule", "statement", "said"), BAD)
def test_nor_a_policy_within_a_role(
    rule: ResourceValidationPolicy, statement: dict[str, Any], said: str
) -> None:
    inline = [{"name": "a", **policy(allow("sqs:SendMessage"))}, {"name": "b", **policy(statement)}]
    fails(rule, ROLE, {"inlinePolicies": inline}, said, "inlinePolicies[1].policy, statement 0")
    outcome = check(rule, ROLE, {"inlinePolicies": [UNKNOWN, inline[1]]})
    assert outcome.failed == ["it"]
    assert outcome.advisory


def _good() -> Iterator[dict[str, Any]]:
    yield allow("sqs:SendMessage")
    yield allow(["sqs:Get*", "ec2:Describe*", "ecr:BatchCheckLayerAvailability", "logs:List*"], "*")
    yield allow("ecr:GetAuthorizationToken", "*")
    yield allow("ssmmessages:OpenDataChannel", "*")
    yield allow("xray:PutTraceSegments", "*")
    yield allow("cloudwatch:putmetricdata", "*")
    yield allow("s3:GetObject", "arn:aws:s3:::bucket/*")
    yield allow("s3:PutObject", "arn:aws:s3:::bucket")
    yield allow("kms:Decrypt", "arn:aws:kms:ap-southeast-2:123456789012:key/0a1b")
    yield allow("ssm:GetParameters", "arn:aws:ssm:*:123456789012:parameter/aussie-markets/*")
    yield allow("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/aussie-markets-*")
    yield allow("logs:PutLogEvents", "arn:aws:logs:r:1:log-group:/aws/ecs/api:*")
    yield allow("rds:DeleteDBInstance", "*", Condition={"StringEquals": {"aws:ResourceTag/E": "s"}})
    yield allow(
        "ecs:StopTask", "*", Condition={"ArnEquals": {"ecs:cluster": "arn:aws:ecs:r:1:c/x"}}
    )
    yield allow("kms:Decrypt", "*", Condition={"StringEquals": {"kms:EncryptionContext:a": "b"}})
    yield allow("iam:PassRole", SOMEONE, Condition={"StringEquals": {"iam:PassedToService": "a"}})


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("statement", list(_good()), ids=lambda statement: str(statement["Action"]))
def test_what_policies_grant(rule: ResourceValidationPolicy, statement: dict[str, Any]) -> None:
    passes(rule, INLINE_POLICY, policy(statement))


@pytest.mark.parametrize("rule", RULES)
def test_policies_that_are_unknown_or_broken(rule: ResourceValidationPolicy) -> None:
    waits(rule, INLINE_POLICY, {"policy": UNKNOWN})
    waits(rule, ROLE, {"inlinePolicies": UNKNOWN})
    fails(rule, INLINE_POLICY, {"policy": "{"}, "policy is no JSON")
    passes(rule, ROLE, {})
    passes(rule, ROLE, {"inlinePolicies": [{}]})  # AWS's way to say: none


def test_one_statement_is_reported_once_for_each_risk() -> None:
    outcome = check(iam_no_escalation, INLINE_POLICY, policy(allow("*", "*")))
    assert len(outcome.failed) == 3
    both = {"Effect": "Allow", "NotAction": "s3:*", "NotResource": QUEUE}
    assert len(check(iam_no_inverted_grants, INLINE_POLICY, policy(both)).failed) == 2
    assert check(iam_no_full_access, INLINE_POLICY, policy(both)).passed
    assert check(iam_write_named_resources, INLINE_POLICY, policy(both)).passed


def test_what_aws_grants_on_everything_alone_can_be_configured() -> None:
    statement = allow("sqs:SendMessage", "*")
    config = {"withoutResources": ["SQS:send*"]}
    passes(iam_write_named_resources, INLINE_POLICY, policy(statement), config=config)


def trust(principal: Any, condition: Any = None, **elements: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **elements}
    if condition:
        statement["Condition"] = condition
    return {"assumeRolePolicy": json.dumps({"Statement": [statement]})}


ACCOUNT = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
PROVIDER = "token.actions.githubusercontent.com"
WEB = {"Action": "sts:AssumeRoleWithWebIdentity"}
FEDERATED = {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"}


def subject(*values: str, operator: str = "StringLike") -> dict[str, Any]:
    return {operator: {f"{PROVIDER}:sub": list(values), f"{PROVIDER}:aud": "sts.amazonaws.com"}}


@pytest.mark.parametrize(
    "trusted",
    [
        trust({"Service": "lambda.amazonaws.com"}),
        trust({"Service": "ecs-tasks.amazonaws.com"}, ACCOUNT),
        trust(
            {"Service": ["scheduler.amazonaws.com"]},
            {"ArnLike": {"aws:SourceArn": "arn:aws:scheduler:*:123456789012:*"}},
        ),
        trust({"AWS": "123456789012"}),
        trust("*", Effect="Deny"),
        trust(FEDERATED, subject("repo:owner/name:ref:refs/heads/main"), **WEB),
        trust(FEDERATED, subject("repo:owner/*"), **WEB),
        trust(FEDERATED, subject("system:serviceaccount:ns:name"), **WEB),
        trust(FEDERATED, Action="sts:AssumeRoleWithSAML"),
        trust({"AWS": "123456789012"}, Action="sts:*"),
    ],
)
def test_whom_roles_trust(trusted: dict[str, Any]) -> None:
    passes(role_trust, ROLE, trusted)


@pytest.mark.parametrize(
    ("trusted", "said"),
    [
        (trust("*"), "open to everyone"),
        (trust({"AWS": "*"}, ACCOUNT), "open to everyone"),
        (trust({"Service": "ecs-tasks.amazonaws.com"}), "open to ecs-tasks.amazonaws.com"),
        (
            trust({"Service": ["lambda.amazonaws.com", "events.amazonaws.com"]}),
            "open to events.amazonaws.com on anybody's behalf",
        ),
        (
            trust(
                {"Service": "ecs-tasks.amazonaws.com"},
                {"StringEquals": {"aws:PrincipalAccount": "123456789012"}},
            ),
            "anybody's behalf",
        ),
        (trust(FEDERATED, **WEB), "every subject"),
        (trust(FEDERATED, subject("repo:*"), **WEB), "every subject"),
        (trust(FEDERATED, subject("repo:*/*:ref:refs/heads/main"), **WEB), "every subject"),
        (trust(FEDERATED, subject("*"), **WEB), "every subject"),
        (trust(FEDERATED, subject("repo:owner/name", "repo:*"), **WEB), "every subject"),
        (
            trust(FEDERATED, subject("repo:owner/name", operator="StringNotLike"), **WEB),
            "every subject",
        ),
    ],
)
def test_whom_they_do_not(trusted: dict[str, Any], said: str) -> None:
    fails(role_trust, ROLE, trusted, "assumeRolePolicy, statement 0", said)


def test_other_trust() -> None:
    nobody = {"assumeRolePolicy": '{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}'}
    fails(role_trust, ROLE, nobody, "open to everyone")
    fails(role_trust, ROLE, {}, "assumeRolePolicy is no JSON object")
    waits(role_trust, ROLE, {"assumeRolePolicy": UNKNOWN})
    trusted = trust({"Service": "ecs-tasks.amazonaws.com"})
    passes(role_trust, ROLE, trusted, config={"servicesWithSource": ["x.amazonaws.com"]})


ATTACHMENTS = [
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
]
AWS_POLICY = "arn:aws:iam::aws:policy/"


@pytest.mark.parametrize("kind", ATTACHMENTS)
@pytest.mark.parametrize("name", ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"])
def test_nobody_is_administrator(kind: str, name: str) -> None:
    rule = iam_no_administrator_policy
    fails(rule, kind, {"policyArn": AWS_POLICY + name}, f"policyArn is {name}")
    passes(rule, kind, {"policyArn": f"{AWS_POLICY}service-role/AWSLambdaVPCAccessExecutionRole"})
    passes(rule, kind, {"policyArn": f"{AWS_POLICY}{name}"}, config={"policies": ["Other"]})
    waits(rule, kind, {"policyArn": UNKNOWN})


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (ROLE, "managedPolicyArns"),
        ("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "policyArns"),
    ],
)
def test_nor_by_a_list(kind: str, path: str) -> None:
    rule = iam_no_administrator_policy
    passes(rule, kind, {})
    passes(rule, kind, {path: [f"{AWS_POLICY}ReadOnlyAccess"]})
    listed = {path: [f"{AWS_POLICY}ReadOnlyAccess", f"{AWS_POLICY}AdministratorAccess"]}
    fails(rule, kind, listed, f"{path}[1] is AdministratorAccess")
    waits(rule, kind, {path: UNKNOWN})
    outcome = check(rule, kind, {path: [UNKNOWN, listed[path][1]]})
    assert outcome.failed == ["it"]
    assert outcome.advisory


@pytest.mark.parametrize(
    "kind",
    [
        "aws:iam/user:User",
        "aws:iam/accessKey:AccessKey",
        "aws:iam/userLoginProfile:UserLoginProfile",
    ],
)
def test_there_are_no_users(kind: str) -> None:
    fails(iam_no_users, kind, {"user": UNKNOWN}, "a user with long-lived credentials")


TOPIC = "aws:sns/topic:Topic"
ALL_TAGS = {"Environment": PRODUCTION, "Owner": "platform", "ManagedBy": "Pulumi"}


def test_everything_has_its_tags() -> None:
    stack_passes(tags_present, Given(TOPIC, "t", {"tagsAll": ALL_TAGS}))
    stack_passes(tags_present, Given("aws:iam/rolePolicy:RolePolicy", "r", {"tags": {}}))
    for name in ALL_TAGS:
        for value in (None, ""):
            bad = Given(TOPIC, "t", {"tagsAll": {**ALL_TAGS, name: value}})
            stack_fails(tags_present, [bad], ["t"], f"tags is without {name},")
    said = "Environment, Owner, ManagedBy"
    stack_fails(tags_present, [Given(TOPIC, "t", {"tagsAll": None})], ["t"], said)
    stack_fails(tags_present, [Given(TOPIC, "t", {"tagsAll": {}})], ["t"], said)
    config = {"tags": ["Cost"]}
    stack_passes(tags_present, Given(TOPIC, "t", {"tagsAll": {"Cost": "1"}}), config=config)


def test_tags_of_a_preview() -> None:
    stack_passes(tags_present, Given(TOPIC, "t", {"tags": ALL_TAGS, "tagsAll": UNKNOWN}))
    bad = Given(TOPIC, "bad", {"tags": {"Owner": "x"}, "tagsAll": UNKNOWN})
    waiting = Given(TOPIC, "w", {"tagsAll": UNKNOWN})
    stack_waits(tags_present, waiting, said="'w'")
    assert check_stack(tags_present, [waiting, bad]).failed == ["bad"]
    part = Given(TOPIC, "p", {"tagsAll": {**ALL_TAGS, "Owner": UNKNOWN}})
    stack_waits(tags_present, part, said="Owner")


@pytest.mark.parametrize("stack", [PRODUCTION, UNLISTED])
def test_the_environment_is_the_stack(stack: str) -> None:
    topic = Given(TOPIC, "t", {"tagsAll": {"Environment": stack}})
    assert check_stack(tag_environment, [topic], stack=stack).passed
    outcome = check_stack(tag_environment, [topic], stack="another")
    assert outcome.failed == ["t"]
    assert f"tags.Environment is {stack}, wanted is another" in outcome.messages
    exempt = {"exemptions": {"t": "Shared by all environments"}}
    assert check_stack(tag_environment, [topic], stack="another", config=exempt).passed
    config = {"environments": {"another": stack}}
    assert check_stack(tag_environment, [topic], stack="another", config=config).passed
    assert check_stack(tag_environment, [topic], stack="third", config=config).failed == ["t"]


def test_resources_without_that_tag_are_the_other_rules_matter() -> None:
    stack_passes(tag_environment, Given(TOPIC, "t", {"tagsAll": {}}), Given(TOPIC, "u", {}))
    stack_waits(tag_environment, Given(TOPIC, "t", {"tagsAll": UNKNOWN}))
