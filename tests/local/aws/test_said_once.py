"""What is kept in state only is in the run's output, once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2

from local.providers.aws.api import Api
from local.providers.aws.engine_protocol import AwsProvider


class Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.logged: list[tuple[str, str]] = []

    def Log(self, request: Any, _: Any) -> empty_pb2.Empty:  # noqa: N802 - gRPC's name
        self.logged.append((request.urn, request.message))
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Iterator[tuple[Engine, str]]:
    servicer = Engine()
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None)


def test_a_gap_is_said_to_the_engine_once(
    engine: tuple[Engine, str], api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUSSIE_MARKETS_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", api.region)
    servicer, address = engine
    provider = AwsProvider(address)
    token = "aws:elasticache/parameterGroup:ParameterGroup"
    for name in ("one", "two"):
        news = struct_pb2.Struct()
        news.update({"family": "redis7"})
        urn = f"urn:pulumi:s::p::{token}::{name}"
        request = provider_pb2.CheckRequest(urn=urn, news=news, randomSeed=b"seed")
        assert not provider.Check(request, Mock(grpc.ServicerContext)).failures
    ((urn, message),) = servicer.logged
    assert urn.endswith("::one")
    assert message.startswith(f"the local cloud keeps {token} in Pulumi's state only: moto has no")
