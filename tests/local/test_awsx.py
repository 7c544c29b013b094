"""The awsx stand-in against recordings of the real component."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import provider_pb2_grpc

from local.providers.awsx.provider import VERSION, AwsxProvider
from local.providers.awsx.vpc import TYPE, Vpc, VpcArgs

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("vpc-*.json"))

ZONES = ["a", "b", "c"]
SPECS = [
    {
        "type": "Isolated",
        "name": "data",
        "cidrBlocks": ["10.0.7.0/24", "10.0.8.0/24", "10.0.9.0/24"],
    },
    {"type": "Private", "cidrBlocks": ["10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"]},
    {"type": "Public", "name": "web", "cidrBlocks": ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]},
]
THREE_ZONES: dict[str, Any] = {
    "cidrBlock": "10.0.0.0/16",
    "availabilityZoneNames": ZONES,
    "subnetStrategy": "Auto",
    "natGateways": {"strategy": "OnePerAz"},
    "subnetSpecs": SPECS,
}


class _Echo(mocks.Mocks):
    """Answers `id-<name>`, as the recordings' AWS did; nothing at all in a preview."""

    def __init__(self, preview: bool) -> None:
        self._preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if self._preview:
            return None, {}
        outputs = dict(args.inputs)
        if args.typ == "aws:ec2/eip:Eip":
            outputs["allocationId"] = f"allocation-{args.name}"
        return f"id-{args.name}", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the component calls no function, but {args.token}")


class _Recorder(mocks.MockMonitor):
    """Keeps what each registration said, in the recordings' form."""

    def __init__(self, preview: bool) -> None:
        super().__init__(_Echo(preview))
        self.children: list[dict[str, Any]] = []
        self.providers: dict[str, str] = {}
        self.dependencies: dict[str, list[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (gRPC names the method)
        if request.type not in (TYPE, "pulumi:pulumi:Stack") and request.custom:
            parent_type, parent_name = request.parent.split("::")[-2:]
            self.children.append(
                {
                    "type": request.type,
                    "name": request.name,
                    "parent": {"type": parent_type.rsplit("$")[-1], "name": parent_name},
                    "inputs": rpc.deserialize_properties(request.object, keep_unknowns=True),
                }
            )
            key = f"{request.type} {request.name}"
            self.providers[key] = request.provider
            self.dependencies[key] = [urn.split("::", 2)[2] for urn in request.dependencies]
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def named(self, kind: str, name: str) -> Mapping[str, Any]:
        inputs: Mapping[str, Any]
        (inputs,) = [
            child["inputs"]
            for child in self.children
            if child["type"].endswith(f":{kind}") and child["name"] == name
        ]
        return inputs


def _build(
    name: str,
    arguments: Mapping[str, Any],
    *,
    preview: bool = False,
    provider: bool = False,
) -> tuple[_Recorder, dict[str, Any]]:
    """The component under mocks; its children, and its outputs once they are known."""
    recorder = _Recorder(preview)
    pulumi.runtime.set_mocks(
        _Echo(preview), project="project", stack="stack", preview=preview, monitor=recorder
    )
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def build() -> pulumi.Output[None]:
        options = pulumi.ResourceOptions()
        if provider:
            import pulumi_aws

            options = pulumi.ResourceOptions(
                providers={"aws": pulumi_aws.Provider("explicit", region="ap-southeast-2")}
            )
        vpc = Vpc(name, VpcArgs.model_validate(dict(arguments)), options)
        ids = {
            key: value for key, value in vpc.outputs.items() if key.lower().endswith(("ids", "id"))
        }
        outputs.update(vpc.outputs)
        return pulumi.Output.from_input(ids).apply(outputs.update)

    build()
    return recorder, outputs


def _by_type_and_name(children: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(children, key=lambda child: (child["type"], child["name"]))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_children_equal_the_recording(path: Path) -> None:
    recording = json.loads(path.read_text())
    arguments = dict(recording["arguments"])
    recorder, outputs = _build(arguments.pop("name"), arguments)
    for child in recorder.children:
        if child["type"] == "aws:ec2/natGateway:NatGateway":
            # The recording's AWS gave addresses no allocation id, so no gateway could take one.
            assert child["inputs"].pop("allocationId") == f"allocation-{child['name']}"
    assert _by_type_and_name(recorder.children) == _by_type_and_name(recording["children"])
    assert outputs["publicSubnetIds"] == recording["publicSubnetIds"]


def test_there_is_a_recording_of_each_nat_strategy() -> None:
    assert [path.stem for path in RECORDINGS] == ["vpc-none", "vpc-oneperaz", "vpc-single"]


def test_three_zones_and_all_subnet_types() -> None:
    recorder, outputs = _build("net", THREE_ZONES)
    assert outputs["publicSubnetIds"] == ["id-net-web-1", "id-net-web-2", "id-net-web-3"]
    assert outputs["privateSubnetIds"] == [f"id-net-private-{n}" for n in (1, 2, 3)]
    assert outputs["isolatedSubnetIds"] == [f"id-net-data-{n}" for n in (1, 2, 3)]
    assert outputs["vpcId"] == "id-net"
    assert [len(outputs[key]) for key in ("subnets", "routeTables", "routes")] == [9, 9, 6]
    assert [len(outputs[key]) for key in ("eips", "natGateways", "vpcEndpoints")] == [3, 3, 0]
    for number in (1, 2, 3):
        assert (
            recorder.named("Route", f"net-private-{number}")["natGatewayId"] == f"id-net-{number}"
        )
        assert (
            recorder.named("Subnet", f"net-data-{number}")["availabilityZone"] == ZONES[number - 1]
        )


def test_the_default_strategy_is_a_gateway_per_zone() -> None:
    arguments = {key: value for key, value in THREE_ZONES.items() if key != "natGateways"}
    assert len(_build("net", arguments)[1]["natGateways"]) == 3


def test_tags_of_the_component_reach_every_child_that_has_tags() -> None:
    tags = {"Name": "chosen", "Team": "web"}
    recorder, _ = _build("net", {**THREE_ZONES, "tags": tags})
    assert recorder.named("Vpc", "net")["tags"] == tags
    assert recorder.named("InternetGateway", "net")["tags"] == tags
    own = {"Team": "web", "SubnetType": "Public", "Name": "net-web-1"}
    assert recorder.named("Subnet", "net-web-1")["tags"] == own
    assert recorder.named("RouteTable", "net-web-1")["tags"] == own
    assert recorder.named("Eip", "net-1")["tags"] == {"Team": "web", "Name": "net-1"}
    assert recorder.named("NatGateway", "net-1")["tags"] == {"Team": "web", "Name": "net-1"}


def test_children_take_the_provider_that_came_with_the_component() -> None:
    recorder, _ = _build("net", THREE_ZONES, provider=True)
    explicit = {
        reference
        for key, reference in recorder.providers.items()
        if not key.startswith("pulumi:providers:")
    }
    (reference,) = explicit
    assert "::explicit::" in reference
    assert set(_build("net", THREE_ZONES)[0].providers.values()) == {""}


def test_each_child_depends_on_its_parent() -> None:
    recorder, _ = _build("net", THREE_ZONES)
    for child in recorder.children:
        if child["type"] != "aws:ec2/vpc:Vpc":
            wanted = "{type}::{name}".format(**child["parent"])
            urns = recorder.dependencies[f"{child['type']} {child['name']}"]
            assert any(urn.rsplit("$")[-1] == wanted for urn in urns), child


def test_unknown_values_pass_through_a_preview() -> None:
    recorder, _ = _build(
        "net",
        {
            **THREE_ZONES,
            "cidrBlock": pulumi.output.UNKNOWN,
            "tags": pulumi.output.UNKNOWN,
        },
        preview=True,
    )
    assert len(recorder.children) == 2 + 3 * 9 + 6 + 6
    assert isinstance(recorder.named("Vpc", "net")["cidrBlock"], pulumi.output.Unknown)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subnetStrategy": "Exact"}, "subnetStrategy"),
        ({"subnetStrategy": None}, "subnetStrategy"),
        ({"instanceTenancy": "dedicated"}, "instanceTenancy: this argument is not implemented"),
        ({"natGateways": {"strategy": "Some"}}, "natGateways.strategy"),
        (
            {"natGateways": {"strategy": "Single", "elasticIpAllocationIds": ["eipalloc-1"]}},
            "natGateways.elasticIpAllocationIds: this argument is not implemented",
        ),
        ({"subnetSpecs": [{**SPECS[0], "cidrMask": 24}]}, "subnetSpecs[0].cidrMask"),
        ({"subnetSpecs": pulumi.output.UNKNOWN}, "subnetSpecs: Value error, must be a plain value"),
        ({"availabilityZoneNames": ["a", "b"]}, "number of availability zones (2)"),
        ({"availabilityZoneNames": []}, "availabilityZoneNames"),
        ({"subnetSpecs": [SPECS[0], SPECS[0]]}, "10.0.7.0/24 and 10.0.7.0/24 overlap"),
        ({"subnetSpecs": [SPECS[1]]}, "need both public and private subnets"),
    ],
)
def test_what_it_cannot_build_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(pulumi.InputPropertiesError) as refusal:
        AwsxProvider().construct("net", TYPE, {**THREE_ZONES, **change})
    assert said in refusal.value.message
    assert "'net'" in refusal.value.message


def test_other_types_are_refused_by_name() -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="not awsx:ec2:DefaultVpc") as refusal:
        AwsxProvider().construct("net", "awsx:ec2:DefaultVpc", {})
    assert "stand-in" in refusal.value.message


def test_the_plugin_starts_and_says_its_version() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "local.providers.awsx", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as plugin:
        try:
            assert plugin.stdout is not None
            port = int(plugin.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                info = stub.GetPluginInfo(empty_pb2.Empty(), timeout=30, wait_for_ready=True)
            assert info.version == VERSION
        finally:
            plugin.kill()
