"""Pulumi's mocks, and a monitor that also records what mocks alone do not see.

`deploy(program)` runs a program to its end and returns the record, so that tests assert on
plain data afterwards instead of inside outputs that might never be awaited.
"""

import gc
import inspect
import json
import pickle
import re
import runpy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, ParamSpec
from unittest.mock import patch

import pulumi
import pulumi.runtime
import pytest
import yaml
from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import resource as runtime_resource
from pulumi.runtime import rpc, settings
from pulumi.runtime.proto import resource_pb2, source_pb2
from pulumi.runtime.stack import Stack

from components.naming import ACCOUNT_STACK, PROJECT
from components.settings import StackSettings, parse_settings

P = ParamSpec("P")

ROOT: Final = Path(__file__).parents[2]
ACCOUNT_ID: Final = "111122223333"

# Every symbol that RDS and ElastiCache take; the letters are looked for where no secret may be.
SENTINEL: Final = "S3ntinel"
SECRETS: Final = {
    "database_password": f"{SENTINEL}-db!#$%&'()*+,-.:;<=>?[\\]^_`{{|}}~09azAZ",
    "redis_auth_token": f"{SENTINEL}-redis!&#$^<>-",
    "jwt_secret": f"{SENTINEL}-jwt-0123456789/+=0123456789",
    "refresh_token_secret": f"{SENTINEL}-refresh-0123456789/+=0123",
    "stripe_secret_key": f"sk_test_{SENTINEL}Stripe",
}

# What AWS computes where the program does not say it.
COMPUTED: Final = (
    *("arn", "keyId", "name", "address", "primaryEndpointAddress", "bucket", "domainName"),
    *("bucketRegionalDomainName", "hostedZoneId", "zoneId", "nameServers", "fqdn"),
    *("domainValidationOptions", "arnSuffix", "dnsName", "repositoryUrl"),
)

# Python looks for garbage after each 700 new objects. A stack makes millions of them beside the
# hundreds of thousands that imports leave, and looking took two fifths of these tests' time.
gc.set_threshold(50_000)

# How resource references and secrets are marked in values on the wire.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    secret_inputs: frozenset[str]
    clear: dict[str, Any]
    """The inputs without those, or parts of those, that are secret."""
    provider: str
    providers: dict[str, str]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    depends_on: frozenset[str]
    property_dependencies: dict[str, frozenset[str]]
    """URNs behind each property."""
    id: str
    outputs: dict[str, Any]
    aliases: tuple[str, ...]
    timeouts: dict[str, str]


@dataclass
class Deployment:
    """Everything that one run of a program registered."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Registered outputs by URN."""
    clear_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The same without what is secret."""
    exports: dict[str, Any] = field(default_factory=dict)
    """The stack's outputs."""
    invokes: list[tuple[str, str]] = field(default_factory=list)
    """Token and provider of each function call."""

    def of(self, type_: str) -> dict[str, Registered]:
        """The resources of one type by name."""
        return {r.name: r for r in self.resources if r.type == type_}

    def counts(self) -> dict[str, int]:
        """How many resources there are of each type."""
        return dict(Counter(resource.type for resource in self.resources))

    def only(self, type_: str) -> Registered:
        """The one resource of this type."""
        (resource,) = self.of(type_).values()
        return resource

    def by_urn(self, urn: str) -> Registered:
        """The resource with this URN."""
        return next(r for r in self.resources if r.urn == urn)


class AwsMocks(pulumi.runtime.Mocks):
    """AWS as far as the components look at it; id, ARN and name always differ.

    `parameters` are what Parameter Store already has, by name.
    """

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[Any, Any]]:
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", args.typ.rpartition(":")[2]).lower()
        outputs: dict[Any, Any] = {
            "arn": f"arn:aws:mock:::{kind}/{args.name}-arn",
            "name": f"{args.name}-a1b2c3d",
            "keyId": f"{args.name}-key-id",
            "identifier": f"{args.name}-identifier",
            "address": f"{args.name}.database.example",
            "primaryEndpointAddress": f"{args.name}.cache.example",
            "bucket": f"{args.name}-a1b2c3d",
            "bucketRegionalDomainName": f"{args.name}.s3.example",
            "domainName": f"{args.name}.cdn.example",
            "hostedZoneId": f"{args.name}-hosted-zone-id",
            "zoneId": f"{args.name}-zone-id",
            "nameServers": [f"ns.{args.name}.example"],
            "fqdn": f"{args.name}.record.example",
            "domainValidationOptions": _validation_options(args.inputs),
            "arnSuffix": f"{args.name}-suffix",
            "repositoryUrl": f"{args.name}.registry.example",
            "dnsName": f"{args.name}.elb.example",
        }
        return f"{args.name}-id", outputs | args.inputs

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        if args.token == "aws:index/getCallerIdentity:getCallerIdentity":
            return {"accountId": ACCOUNT_ID, "arn": "", "id": "", "userId": ""}, []
        if args.token == "aws:route53/getZone:getZone":
            return {"id": "", "zoneId": "found-zone-id", "nameServers": ["ns.found.example"]}, []
        if args.token == "aws:ssm/getParametersByPath:getParametersByPath":
            below = {
                name: value
                for name, value in self._parameters.items()
                if name.startswith(f"{args.args['path']}/")
            }
            return {"id": "", "names": list(below), "values": list(below.values())}, []
        raise NotImplementedError(args.token)


def _validation_options(certificate: Mapping[str, Any]) -> list[dict[str, str]]:
    """ACM's records for each name of a certificate, the last name first."""
    hosts = [certificate.get("domainName", ""), *certificate.get("subjectAlternativeNames", [])]
    return [
        {
            "domainName": host,
            "resourceRecordName": f"_proof.{host}",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_proof-of-{host}.acm.example",
        }
        for host in reversed(hosts)
    ]


class RecordingMonitor(pulumi_mocks.MockMonitor):
    """Records registrations with their options, and answers `awsx.ec2.Vpc` with references."""

    def __init__(self, preview: bool, parameters: Mapping[str, str]) -> None:
        super().__init__(AwsMocks(parameters))
        self.deployment = Deployment()
        self._preview = preview

    def RegisterResource(  # noqa: N802 - the name of the RPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        response: resource_pb2.RegisterResourceResponse
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type == "pulumi:pulumi:Stack":
            return response
        raw = json_format.MessageToDict(request.object)
        if request.type == "awsx:ec2:Vpc" and request.remote:
            json_format.ParseDict(
                self._vpc_outputs(request.name, _without_secrets(raw), response.urn),
                response.object,
            )
        elif self._preview and request.custom:
            # AWS has not answered yet: what it would compute is unknown.
            response.id = ""
            for key in COMPUTED:
                if key not in raw:
                    response.object[key] = rpc.UNKNOWN
        self.deployment.resources.append(
            Registered(
                type=request.type,
                name=request.name,
                urn=response.urn,
                parent=request.parent,
                inputs=_without_secrets(raw),
                clear=_without_secrets(raw, "[secret]"),
                secret_inputs=frozenset(key for key, value in raw.items() if _has_secret(value)),
                provider=request.provider,
                providers=dict(request.providers),
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                delete_before_replace=request.deleteBeforeReplace,
                ignore_changes=tuple(request.ignoreChanges),
                depends_on=frozenset(request.dependencies),
                property_dependencies={
                    key: frozenset(behind.urns)
                    for key, behind in request.propertyDependencies.items()
                },
                id=response.id,
                outputs=_without_secrets(json_format.MessageToDict(response.object)),
                aliases=tuple(request.aliasURNs),
                timeouts=json_format.MessageToDict(request.customTimeouts),
            )
        )
        return response

    def RegisterResourceOutputs(  # noqa: N802 - the name of the RPC
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        raw = json_format.MessageToDict(request.outputs)
        self.deployment.outputs[request.urn] = _without_secrets(raw)
        self.deployment.clear_outputs[request.urn] = _without_secrets(raw, "[secret]")
        super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802 - the name of the RPC
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        if request.tok != "pulumi:pulumi:getResource":
            self.deployment.invokes.append((request.tok, request.provider))
        response: resource_pb2.ResourceInvokeResponse
        response = super().Invoke(request)  # type: ignore[no-untyped-call]
        return response

    def _vpc_outputs(self, name: str, inputs: Mapping[str, Any], parent: str) -> dict[str, Any]:
        zones = len(inputs["availabilityZoneNames"])
        ids: dict[str, list[str]] = {"Public": [], "Private": []}
        tables = []
        for zone in range(1, zones + 1):
            for kind, subnets in ids.items():
                child = f"{name}-{kind.lower()}-{zone}"
                subnets.append(rpc.UNKNOWN if self._preview else f"{child}-subnet-id")
                tables.append(self._reference_to_table(child, kind, parent))
        gateways = {"None": 0, "Single": 1, "OnePerAz": zones}[inputs["natGateways"]["strategy"]]
        return {
            "vpcId": rpc.UNKNOWN if self._preview else f"{name}-vpc-id",
            "publicSubnetIds": ids["Public"],
            "privateSubnetIds": ids["Private"],
            "isolatedSubnetIds": [],
            "routeTables": tables,
            "natGateways": [
                self._reference_to_gateway(f"{name}-{number}", parent)
                for number in range(1, gateways + 1)
            ],
        }

    def _reference_to_table(self, name: str, kind: str, parent: str) -> dict[str, str]:
        tags = {"Name": name, "SubnetType": kind}
        return self._reference("aws:ec2/routeTable:RouteTable", name, "route-table", parent, tags)

    def _reference_to_gateway(self, name: str, parent: str) -> dict[str, str]:
        return self._reference("aws:ec2/natGateway:NatGateway", name, "nat-gateway", parent, {})

    def _reference(
        self, type_: str, name: str, kind: str, parent: str, tags: Mapping[str, str]
    ) -> dict[str, str]:
        urn = self.make_urn(parent, type_, name)
        identity = rpc.UNKNOWN if self._preview else f"{name}-{kind}-id"
        state = {"id": identity, "tags": dict(tags)}
        self.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, identity, state)
        return {SIGNATURE: REFERENCE, "urn": urn, "id": identity, "packageVersion": ""}


def _without_secrets(values: Mapping[str, Any], instead: str | None = None) -> dict[str, Any]:
    """The values without the markers of secrets, or with `instead` in place of secrets."""
    return {key: _plain(value, instead) for key, value in values.items()}


def _plain(value: object, instead: str | None) -> object:
    if isinstance(value, list):
        return [_plain(item, instead) for item in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return _plain(value["value"], instead) if instead is None else instead
        return {key: _plain(item, instead) for key, item in value.items()}
    return value


def _has_secret(value: object) -> bool:
    if isinstance(value, list):
        return any(_has_secret(item) for item in value)
    if isinstance(value, dict):
        return value.get(SIGNATURE) == SECRET or any(_has_secret(item) for item in value.values())
    return False


def deploy(
    program: Callable[[], object],
    stack: str = "staging",
    *,
    preview: bool = False,
    parameters: Mapping[str, str] | None = None,
) -> Deployment:
    """Run `program` to the end of its last registration."""
    monitor = RecordingMonitor(preview, parameters or {})
    # The root stack of an earlier run would otherwise be the parent in this one too.
    settings.ROOT.set(None)
    pulumi.runtime.set_mocks(
        monitor.mocks, project=PROJECT, stack=stack, preview=preview, monitor=monitor
    )

    def run() -> pulumi.Output[None]:
        program()
        root = settings.get_root_resource()
        assert isinstance(root, Stack)
        return pulumi.Output.from_input(root.outputs).apply(deployment.exports.update)

    deployment = monitor.deployment
    # For the engine's messages Pulumi gives each resource its whole call stack. Under pytest that
    # is sixty frames and a fifth of the time, and no engine reads them here.
    with patch.object(runtime_resource, "_get_stack_trace", source_pb2.StackTrace):
        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return deployment


class RunOnce(Generic[P]):
    """A program that runs once for the same arguments, which JSON can hold.

    Each caller gets a copy of the record, and may change it. Whoever patches anything, listens to
    warnings or compares two runs of the same calls `anew`, which runs it in any case.
    """

    def __init__(self, run: Callable[P, Deployment]) -> None:
        self.anew = run
        self._parameters = inspect.signature(run)
        self._records: dict[str, bytes] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Deployment:
        given = self._parameters.bind(*args, **kwargs)
        given.apply_defaults()
        key = json.dumps(given.arguments)
        if key not in self._records:
            self._records[key] = pickle.dumps(self.anew(*args, **kwargs))
        record: Deployment = pickle.loads(self._records[key])  # noqa: S301 - written a line above
        return record


@RunOnce
def run_main(stack: str, config: Mapping[str, Any], *, preview: bool = False) -> Deployment:
    """Run the whole program with a configuration.

    Secrets, which no committed stack file holds, are `SECRETS`; the account's stack has none.
    """
    secrets = {} if stack == ACCOUNT_STACK else {"secrets": SECRETS}
    config = {**secrets, **config}
    pulumi.runtime.set_all_config(
        {f"{PROJECT}:{key}": json.dumps(value) for key, value in config.items()},
        [f"{PROJECT}:secrets"],
    )
    return deploy(
        lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"),
        stack,
        preview=preview,
    )


def deploy_main(
    stack: str, config: Mapping[str, Any] | None = None, *, preview: bool = False
) -> Deployment:
    """`run_main` with a stack file's configuration, or with `config` in its place."""
    return run_main(stack, stack_file(stack) if config is None else config, preview=preview)


def settings_of(stack: str, values: Mapping[str, Any] | None = None) -> StackSettings:
    """A stack's settings with `SECRETS`."""
    return parse_settings(stack, {"secrets": SECRETS, **(values or {})}, {"secrets"})


def stack_file(stack: str) -> dict[str, Any]:
    """The configuration in a committed stack file, without the project's prefix."""
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    config: dict[str, Any] = content.get("config") or {}
    return {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items()}


@pytest.fixture(autouse=True)
def _clean_config() -> None:
    """No test sees another one's configuration, whatever the order."""
    pulumi.runtime.set_all_config({}, [])
