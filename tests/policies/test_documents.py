"""The reader of policies and container definitions that the packs share."""

import json
from typing import Any

import pytest
from pulumi_policy.proxy import unknown_checking_proxy

from policies.shared.documents import (
    MalformedDocumentError,
    Statement,
    covers,
    parse_containers,
    parse_policy,
)


def statement(**elements: Any) -> Statement:
    document = {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", **elements}}
    (found,) = parse_policy(json.dumps(document))
    return found


@pytest.mark.parametrize(
    ("glob", "wanted", "expected"),
    [
        ("*", "s3:GetObject", True),
        ("s3:*", "s3:Get*", True),
        ("s3:Get*", "s3:*", False),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:GetObject", "s3:GetObjectAcl", False),
        ("s3:GetObjec?", "s3:GetObject", True),
        ("s3:?", "s3:*", False),
        ("a.c", "abc", False),
        ("s3:[G]et", "s3:Get", False),
        ("S3:get*", "s3:GetObject", False),
    ],
)
def test_what_a_pattern_covers(glob: str, wanted: str, expected: bool) -> None:
    assert covers(glob, wanted) is expected


def test_actions_are_compared_without_case_and_resources_with_it() -> None:
    found = statement(Action="S3:getobject", Resource="arn:aws:s3:::Data")
    assert found.actions.includes("s3:GetObject")
    assert found.resources.includes("arn:aws:s3:::Data")
    assert not found.resources.includes("arn:aws:s3:::data")


@pytest.mark.parametrize("written", ["s3:Get*", ["s3:Put*", "s3:Get*"]])
def test_one_string_and_a_list_mean_the_same(written: Any) -> None:
    found = statement(Action=written)
    assert found.actions.includes("s3:GetObject")
    assert not found.actions.includes("s3:DeleteObject")
    assert not found.actions.inverted


def test_inverted_selections() -> None:
    found = statement(NotResource=["arn:aws:s3:::a", "arn:aws:s3:::b*"])
    assert found.resources.inverted
    assert found.resources.includes("arn:aws:s3:::c")
    assert not found.resources.includes("arn:aws:s3:::a")
    assert not found.resources.includes("arn:aws:s3:::bcd")
    assert not found.resources.includes("arn:aws:s3:::*")
    (inverted,) = parse_policy({"Statement": [{"Effect": "Deny", "NotAction": "iam:*"}]})
    assert not inverted.allows
    assert inverted.actions.includes("s3:*")
    assert not inverted.actions.includes("IAM:PassRole")
    assert not inverted.actions.includes("*")


def test_no_resource_means_all() -> None:
    assert statement().resources.includes("*")


@pytest.mark.parametrize(
    ("elements", "everyone"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["123456789012", "*"]}}, True),
        ({"Principal": {"Federated": "*"}}, True),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, False),
        ({"Principal": {"Service": ["logs.amazonaws.com"]}}, False),
        ({"Principal": {"CanonicalUser": "79a5"}}, False),
    ],
)
def test_who_is_everyone(elements: dict[str, Any], everyone: bool) -> None:
    found = statement(**elements)
    assert found.principals is not None
    assert found.principals.everyone is everyone
    assert found.opens_to_everyone is everyone


def test_a_policy_of_an_identity_has_no_principals() -> None:
    found = statement()
    assert found.principals is None
    assert not found.opens_to_everyone


def test_principals_by_type() -> None:
    found = statement(Principal={"Service": "a.amazonaws.com", "AWS": ["1", "2"]}).principals
    assert found is not None
    assert found.of("AWS") == ("1", "2")
    assert found.of("Federated") == ()
    assert found.includes_service("a.amazonaws.com")
    assert not found.includes_service("b.amazonaws.com")
    anyone = statement(Principal="*").principals
    assert anyone is not None
    assert anyone.includes_service("b.amazonaws.com")
    but = statement(NotPrincipal={"Service": "a.amazonaws.com"}).principals
    assert but is not None
    assert but.of("Service") == ()
    assert but.includes_service("b.amazonaws.com")
    assert not but.includes_service("a.amazonaws.com")


def test_a_denial_opens_nothing() -> None:
    assert not statement(Effect="Deny", Principal="*").opens_to_everyone


@pytest.mark.parametrize(
    ("operator", "key", "value", "limits"),
    [
        ("StringEquals", "aws:SourceAccount", "123456789012", True),
        ("StringEquals", "aws:SourceAccount", ["123456789012", "210987654321"], True),
        ("StringEquals", "AWS:SourceOwner", "123456789012", True),
        ("StringEquals", "aws:PrincipalOrgID", "o-1", True),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-1/*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:events:*:123456789012:rule/*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::bucket", True),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/16", True),
        ("IpAddress", "aws:SourceIp", "128.0.0.0/7", False),
        ("IpAddress", "aws:SourceIp", "::/0", False),
        ("IpAddress", "aws:SourceIp", ["203.0.113.0/24", "0.0.0.0/0"], False),
        ("StringLike", "aws:SourceAccount", "*", False),
        ("StringEquals", "aws:SourceAccount", [], False),
        ("ArnLike", "aws:SourceArn", "arn:aws:events:*:*:rule/mine", False),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::*", False),
        ("ArnLike", "aws:SourceArn", "arn:*", False),
        ("StringNotEquals", "aws:SourceAccount", "123456789012", False),
        ("NotIpAddress", "aws:SourceIp", "203.0.113.0/24", False),
        ("StringEqualsIfExists", "aws:SourceAccount", "123456789012", False),
        ("ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-1", False),
        ("Null", "aws:SourceAccount", "false", False),
        ("StringEquals", "s3:prefix", "public", False),
        ("Bool", "aws:SecureTransport", True, False),
    ],
)
def test_which_conditions_limit_everyone(operator: str, key: str, value: Any, limits: bool) -> None:
    found = statement(Principal="*", Condition={operator: {key: value}})
    assert found.opens_to_everyone is not limits


def test_one_limiting_condition_of_several_is_enough() -> None:
    condition = {
        "Bool": {"aws:SecureTransport": True},
        "StringEquals": {"s3:prefix": "a", "aws:SourceAccount": "123456789012"},
    }
    found = statement(Principal="*", Condition=condition)
    assert not found.opens_to_everyone
    assert found.limited_by(lambda key: key == "s3:prefix")
    assert not found.limited_by(lambda key: key == "s3:delimiter")


def test_a_condition_in_its_parts() -> None:
    written = {"ForAllValues:StringNotLikeIfExists": {"aws:TagKeys": ["a", 5, False]}}
    (condition,) = statement(Condition=written).conditions
    assert condition.operator == "stringnotlike"
    assert condition.key == "aws:tagkeys"
    assert condition.values == ("a", "5", "false")
    assert condition.if_exists
    assert condition.for_all_values
    assert condition.negative
    assert condition.optional
    (plain,) = statement(Condition={"StringLike": {"k": "v"}}).conditions
    assert not plain.if_exists
    assert not plain.for_all_values
    assert not plain.negative
    assert not plain.optional


def test_statements_are_named_by_sid_or_position() -> None:
    document = {"Statement": [{"Effect": "Allow"}, {"Effect": "Deny", "Sid": "No"}]}
    assert [each.label for each in parse_policy(document)] == ["0", "No"]


def test_documents_may_be_objects_of_the_engine() -> None:
    policy = {"Statement": [{"Effect": "Allow", "Action": ["a:B"], "Principal": {"AWS": ["*"]}}]}
    (found,) = parse_policy(unknown_checking_proxy(policy))
    assert found.actions.includes("a:B")
    assert found.opens_to_everyone


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "no JSON"),
        (None, "no JSON object"),
        ("[]", "no JSON object"),
        ("{}", "without Statement"),
        ('{"Statement": "all"}', "without Statement"),
        ('{"Statement": ["all"]}', "statement 0 is no object"),
        ('{"Statement": {"Effect": "allow"}}', "statement 0 neither allows nor denies"),
        ('{"Statement": {"Effect": "Allow", "Condition": "x"}}', "no proper Condition"),
        ('{"Statement": {"Effect": "Allow", "Condition": {"Bool": "x"}}}', "no proper Condition"),
    ],
)
def test_what_is_no_policy(document: Any, said: str) -> None:
    with pytest.raises(MalformedDocumentError, match=said):
        parse_policy(document)


def test_containers() -> None:
    (container,) = parse_containers('[{"name": "api"}]')
    assert container["name"] == "api"


@pytest.mark.parametrize("document", ["{", '{"name": "api"}', '["api"]', '"api"', None])
def test_what_is_no_list_of_containers(document: Any) -> None:
    with pytest.raises(MalformedDocumentError):
        parse_containers(document)
