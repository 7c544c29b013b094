"""Deliveries of logs: what CloudWatch changes, replaces and refuses."""

import pytest

from local.providers.aws.api import ApiError
from local.providers.aws.state_only import said
from local.providers.aws.values import UNKNOWN, Properties
from tests.local.aws.build import Stack
from tests.local.aws.build_delivery import DELIVERY, DESTINATION, REGION, SOURCE, build_delivery


def position(stack: Stack, token: str) -> int:
    return next(i for i, (ops, _, _) in enumerate(stack.created) if ops.token == token)


REPLACING: list[tuple[str, Properties]] = [
    (SOURCE, {"name": "other"}),
    (SOURCE, {"resourceArn": "arn:aws:cloudfront::123456789012:distribution/OTHER"}),
    (DESTINATION, {"outputFormat": "parquet"}),
    (
        DESTINATION,
        {"deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:s3:::other"}},
    ),
    (DELIVERY, {"deliverySourceName": "other"}),
    (DELIVERY, {"deliveryDestinationArn": UNKNOWN}),
]


def test_what_cloudwatch_does_not_change_is_replaced(stack: Stack) -> None:
    build_delivery(stack, "replaced")
    for token, change in REPLACING:
        operations, _, inputs = stack.created[position(stack, token)]
        assert operations.diff(inputs, {**inputs, **change}).replaces == tuple(change)


def test_tags_change_in_place(stack: Stack) -> None:
    build_delivery(stack, "retagged")
    for token in (SOURCE, DESTINATION, DELIVERY):
        found = stack.update(position(stack, token), tags={"Name": "new"})
        assert found["tags"] == {"Name": "new"}


def test_the_fields_of_a_delivery_change_in_the_state_only(stack: Stack) -> None:
    build_delivery(stack, "fields")
    changed = stack.update(position(stack, DELIVERY), recordFields=["date"])
    assert changed["recordFields"] == ["date"]
    sentence = said(DELIVERY, {"recordFields": ["date"]})
    assert sentence is not None
    assert "delivers no logs" in sentence


def test_a_second_delivery_to_the_same_kind_of_destination_is_refused(stack: Stack) -> None:
    build_delivery(stack, "twice")
    _, _, inputs = stack.created[position(stack, DELIVERY)]
    with pytest.raises(ApiError, match="already exists"):
        stack.create(DELIVERY, "again", **inputs)


def test_everything_is_where_cloudfront_delivers(stack: Stack) -> None:
    build_delivery(stack, "where")
    for operations, resource_id, inputs in stack.created:
        found = operations.read(resource_id, inputs)
        assert found is not None
        assert f":logs:{REGION}:" in found["arn"]
