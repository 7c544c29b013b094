"""The table against the SDK, boto3 and CloudFormation: a typing mistake in a row fails here."""

import boto3
import pytest

from local.providers.aws import schema
from local.providers.aws.rows import Call, ResourceType
from local.providers.aws.sdk import type_facts
from local.providers.aws.table import TABLE

ROWS = pytest.mark.parametrize(("token", "row"), TABLE.items(), ids=list(TABLE))


def _calls(row: ResourceType) -> list[Call]:
    setters = [call for setter in row.set for call in (setter.call, setter.unset)]
    tagging = [row.tagging.add, row.tagging.remove] if row.tagging else []
    reads = [read.call for read in row.read]
    return [call for call in (row.create, *reads, *setters, *tagging, *row.delete) if call]


@ROWS
def test_every_operation_of_a_row_exists_in_boto3_with_the_parameters_it_names(
    token: str, row: ResourceType
) -> None:
    client = boto3.client(row.service, region_name="ap-southeast-2")  # type: ignore[call-overload]
    for call in _calls(row):
        operation = client.meta.method_to_api_mapping[call.operation]
        shape = client.meta.service_model.operation_model(operation).input_shape
        members = set(shape.members) if shape is not None else set()
        assert set(call.params) <= members, (token, call.operation)


@ROWS
def test_every_property_that_a_row_names_exists_in_pulumi_aws(
    token: str, row: ResourceType
) -> None:
    facts = type_facts(token)
    settable = {name for setter in row.set for name in setter.properties}
    named = {*row.handled, *row.kept, *row.defaults, *(row.replaced_by or ()), *settable}
    assert named <= facts.inputs
    assert set(row.outputs) | row.empty <= facts.outputs


@ROWS
def test_a_row_that_pulumi_can_tag_says_how_tags_are_set(token: str, row: ResourceType) -> None:
    assert (row.tagging is not None) == ("tagsAll" in type_facts(token).outputs)


@ROWS
def test_the_schema_of_a_row_is_one_that_aws_publishes(token: str, row: ResourceType) -> None:
    names = type_facts(token).inputs
    replacing = schema.replacing_properties(
        row.cloudformation, "ap-southeast-2", names, row.to_schema
    )
    assert replacing <= names
