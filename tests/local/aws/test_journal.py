"""A creation that was cut off is not made twice."""

import pytest

from local.providers.aws.api import Api, ApiError
from local.providers.aws.journal import Journal
from local.providers.aws.operations import Operations, PartlyCreatedError
from local.providers.aws.rows import Call
from local.providers.aws.values import has_unknown
from tests.local.aws.build import MakeOperations

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


def test_a_deletion_cut_off_after_its_first_step_is_finished(
    operations: MakeOperations, api: Api
) -> None:
    vpc, gateway = operations(VPC), operations("aws:ec2/internetGateway:InternetGateway")
    vpc_id, _ = vpc.create(URN, vpc_inputs(vpc, "10.47.0.0/16"))
    inputs = {"vpcId": vpc_id}
    gateway_id, _ = gateway.create(f"{URN}-gateway", inputs)
    detach, _ = gateway.row.delete
    api.call("ec2", detach, {**inputs, "id": gateway_id})
    gateway.delete(gateway_id, inputs)
    assert gateway.read(gateway_id, inputs) is None


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


def test_a_creation_whose_settings_failed_is_kept_and_finished_by_the_next_update(
    operations: MakeOperations, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc, gateway = operations(VPC), operations("aws:ec2/internetGateway:InternetGateway")
    vpc_id, _ = vpc.create(URN, vpc_inputs(vpc, "10.48.0.0/16"))
    inputs, urn = {"vpcId": vpc_id}, f"{URN}-gateway"

    def refused(*_: object) -> None:
        raise ApiError("ec2:attach_internet_gateway refused")

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "_set", refused)
        with pytest.raises(PartlyCreatedError) as failure:
            gateway.create(urn, inputs)
    assert not has_unknown(failure.value.properties)
    journal.in_state(urn, failure.value.resource_id)
    outputs = gateway.update(urn, failure.value.resource_id, inputs, inputs)
    assert outputs["vpcId"] == vpc_id


def test_a_refused_creation_can_be_tried_again(operations: MakeOperations) -> None:
    subnet = operations("aws:ec2/subnet:Subnet")
    inputs = subnet.check(
        "s", {}, {"vpcId": "vpc-00000000000000000", "cidrBlock": "10.0.0.0/24"}, b"s"
    )
    for _ in range(2):
        with pytest.raises(ApiError, match=r"InvalidVpcID\.NotFound"):
            subnet.create(f"{URN}-subnet", inputs)


def test_a_resource_that_the_stack_gave_up_is_left_alone_after_a_run_that_ended_by_itself(
    operations: MakeOperations, api: Api, journal: Journal
) -> None:
    vpc = operations(VPC)
    kept, _ = vpc.create(URN, vpc_inputs(vpc, "10.49.0.0/16"))
    journal.settle()
    new, _ = vpc.create(URN, vpc_inputs(vpc, "10.50.0.0/16"))
    assert new != kept
    assert vpcs(api, "10.49.0.0/16") == [kept]
