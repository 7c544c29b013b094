"""The conversion between Pulumi properties and botocore's shapes."""

import boto3
import pytest
from botocore.model import Shape, StructureShape

from local.providers.aws.names import find_name
from local.providers.aws.shapes import from_shape, to_shape


def input_shape(service: str, operation: str) -> StructureShape:
    client = boto3.client(service, region_name="ap-southeast-2")  # type: ignore[call-overload]
    shape = client.meta.service_model.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return shape


def member(service: str, operation: str, name: str) -> Shape:
    return input_shape(service, operation).members[name]


@pytest.mark.parametrize(
    ("name", "candidates", "renames", "prefix", "expected"),
    [
        ("cidrBlock", ["CidrBlock", "VpcId"], {}, "", "CidrBlock"),
        ("securityGroupIds", ["SecurityGroupId"], {}, "", "SecurityGroupId"),
        ("subnetId", ["SubnetIds"], {}, "", "SubnetIds"),
        ("name", ["LogGroupName"], {}, "LogGroup", "LogGroupName"),
        ("policy", ["PolicyDocument"], {"policy": "PolicyDocument"}, "", "PolicyDocument"),
        ("policy", ["Policy"], {"policy": "PolicyDocument"}, "", None),
        ("tags", ["VpcId"], {}, "", None),
    ],
)
def test_names_are_found_case_plural_and_prefix_apart(
    name: str, candidates: list[str], renames: dict[str, str], prefix: str, expected: str | None
) -> None:
    assert find_name(name, candidates, renames, prefix) == expected


def test_ec2s_wrapped_attributes_are_wrapped_and_unwrapped() -> None:
    shape = member("ec2", "ModifySubnetAttribute", "MapPublicIpOnLaunch")
    assert to_shape(True, shape, {}) == {"Value": True}
    assert from_shape({"Value": True}) is True


def test_a_key_that_the_shape_does_not_have_is_refused_and_not_dropped() -> None:
    shape = member("ec2", "CreateVpcEndpoint", "DnsOptions")
    with pytest.raises(LookupError, match="no member for bogus"):
        to_shape({"bogus": 1}, shape, {})


def test_a_json_document_keeps_the_programs_spelling_where_it_means_the_same() -> None:
    given = '{"a": 1, "b": [2]}'
    assert from_shape({"b": [2], "a": 1}, given) == given
    assert from_shape({"b": [3], "a": 1}, given) != given


def test_a_set_in_another_order_is_the_same_set() -> None:
    assert from_shape(["b", "a"], ["a", "b"]) == ["a", "b"]
    assert from_shape(["b", "c"], ["a", "b"]) == ["b", "c"]


def test_an_answer_without_a_model_is_spelled_in_pulumis_way() -> None:
    assert from_shape([{"DnsName": "x", "HostedZoneId": "Z"}]) == [
        {"dnsName": "x", "hostedZoneId": "Z"}
    ]
