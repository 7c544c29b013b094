"""A creation that was cut off is not made twice."""

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.journal import Journal
from local.providers.aws.operations import Operations
from local.providers.aws.rows import Call
from tests.local.aws.conftest import MakeOperations

VPC = "aws:ec2/vpc:Vpc"
URN = "urn:pulumi:staging::aussie-markets::aws:ec2/vpc:Vpc::main"


def vpcs(api: Api, cidr: str) -> list[str]:
    filters = [{"Name": "cidr-block", "Values": [cidr]}]
    answer = api.call("ec2", Call("describe_vpcs", {"Filters": filters}), {})
    return [vpc["VpcId"] for vpc in answer["Vpcs"]]


def vpc_inputs(operations: Operations, cidr: str) -> dict[str, object]:
    return operations.check("main", {}, {"cidrBlock": cidr}, b"seed")


def test_a_creation_repeated_before_the_state_knew_it_returns_the_same_resource(
    operations: MakeOperations, api: Api
) -> None:
    vpc = operations(VPC)
    inputs = vpc_inputs(vpc, "10.41.0.0/16")
    first, _ = vpc.create(URN, inputs)
    second, _ = vpc.create(URN, inputs)
    assert first == second
    assert vpcs(api, "10.41.0.0/16") == [first]


def test_a_creation_cut_off_before_its_answer_returns_the_same_resource(
    operations: MakeOperations, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc = operations(VPC)
    inputs = vpc_inputs(vpc, "10.42.0.0/16")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "created", killed)
        with pytest.raises(KeyboardInterrupt):
            vpc.create(URN, inputs)
    (left_over,) = vpcs(api, "10.42.0.0/16")
    again, _ = vpc.create(URN, inputs)
    assert again == left_over
    assert vpcs(api, "10.42.0.0/16") == [left_over]


def test_a_left_over_with_other_inputs_is_taken_away(operations: MakeOperations, api: Api) -> None:
    vpc = operations(VPC)
    vpc.create(URN, vpc_inputs(vpc, "10.43.0.0/16"))
    vpc.create(URN, vpc_inputs(vpc, "10.44.0.0/16"))
    assert vpcs(api, "10.43.0.0/16") == []
    assert len(vpcs(api, "10.44.0.0/16")) == 1


def test_a_replacement_is_a_new_resource_once_the_state_knows_the_old(
    operations: MakeOperations, journal: Journal
) -> None:
    vpc = operations(VPC)
    inputs = vpc_inputs(vpc, "10.45.0.0/16")
    old, _ = vpc.create(URN, inputs)
    journal.in_state(URN, old)
    new, _ = vpc.create(URN, inputs)
    assert new != old


def test_a_cut_off_replacement_is_not_forgotten_because_the_state_knows_the_old(
    operations: MakeOperations, journal: Journal
) -> None:
    vpc = operations(VPC)
    inputs = vpc_inputs(vpc, "10.46.0.0/16")
    old, _ = vpc.create(URN, inputs)
    journal.in_state(URN, old)
    new, _ = vpc.create(URN, inputs)
    journal.in_state(URN, old)
    assert vpc.create(URN, inputs)[0] == new


def test_a_refused_creation_can_be_tried_again(operations: MakeOperations) -> None:
    subnet = operations("aws:ec2/subnet:Subnet")
    inputs = subnet.check(
        "s", {}, {"vpcId": "vpc-00000000000000000", "cidrBlock": "10.0.0.0/24"}, b"s"
    )
    for _ in range(2):
        with pytest.raises(ApiError, match=r"InvalidVpcID\.NotFound"):
            subnet.create(f"{URN}-subnet", inputs)
