"""The judge of policies judges as IAM does."""

from typing import Any

import pytest

from tests.unit.iam import Request, allowed, statements

BUCKET = "arn:aws:s3:::bucket"


def policy(*given: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(given)}


def allow(**fields: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*", **fields}


READ = Request("s3:GetObject", f"{BUCKET}/a/b")


@pytest.mark.parametrize(
    ("statement", "request_", "expected"),
    [
        (allow(), READ, True),
        (allow(), Request("s3:getobject", f"{BUCKET}/a"), True),
        (allow(), Request("s3:PutObject", f"{BUCKET}/a"), False),
        (allow(), Request("s3:GetObject", BUCKET), False),
        (allow(), Request("s3:GetObject", "arn:aws:s3:::BUCKET/a"), False),
        (allow(Action=["s3:Put*", "s3:G?tObject"]), READ, True),
        (allow(Effect="Deny"), READ, False),
        (allow(Principal={"Service": ["a.com", "b.com"]}), READ, False),
        (
            allow(Principal={"Service": ["a.com", "b.com"]}),
            Request("s3:GetObject", f"{BUCKET}/a", principal="Service:b.com"),
            True,
        ),
        (allow(Principal="*"), READ, True),
    ],
)
def test_actions_resources_and_principals(
    statement: dict[str, Any], request_: Request, expected: bool
) -> None:
    assert allowed(policy(statement), request_) is expected


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "c"}, True),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"Bool": {"k": "false"}}, {"k": "False"}, True),
        ({"Bool": {"k": "false"}}, {"k": "true"}, False),
        ({"ArnLike": {"k": "arn:aws:ecs:r:1:*"}}, {"k": "arn:aws:ecs:r:1:task/a:b"}, True),
        ({"ArnLike": {"k": "arn:aws:*:1:*"}}, {"k": "arn:aws:ecs:r:1:task"}, False),
        ({"ArnEquals": {"k": "arn:aws:ecs:r:1:*"}}, {"k": "arn:aws:ecs:r:2:task"}, False),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "a"}, False),
        ({"Null": {"k": "false"}}, {"k": "a"}, True),
        ({"Null": {"k": "false"}}, {}, False),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {"k": ["b", "a"]}, True),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {"k": ["b"]}, False),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {}, False),
        ({"ForAllValues:StringLike": {"k": ["a*", "b"]}}, {"k": ["ab", "b"]}, True),
        ({"ForAllValues:StringLike": {"k": ["a*", "b"]}}, {"k": ["ab", "c"]}, False),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {}, True),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a", "l": "c"}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "true"}, True),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, Any], expected: bool) -> None:
    request_ = Request(READ.action, READ.resource, context)
    assert allowed(policy(allow(Condition=condition)), request_) is expected


def test_a_denial_wins() -> None:
    assert not allowed(policy(allow(), allow(Effect="Deny")), READ)


@pytest.mark.parametrize(
    "statement", [allow(NotAction="s3:*"), allow(Condition={"IpAddress": {"aws:SourceIp": "::"}})]
)
def test_what_it_does_not_know_is_not_passed_over(statement: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        allowed(policy(statement), READ)


def test_statements_by_name() -> None:
    document = '{"Version": "2012-10-17", "Statement": [{"Sid": "A", "Effect": "Deny"}]}'
    assert statements(document) == {"A": {"Sid": "A", "Effect": "Deny"}}
