"""Serves the aws stand-in: `python -m local.providers.aws <engine address>`."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from local.lifetime import serve
from local.providers.aws.engine_protocol import AwsProvider

_MESSAGE_LIMIT = 400 * 1024 * 1024  # the engine's own
_WORKERS = 32


def main() -> None:
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_WORKERS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
        ],
    )
    provider = AwsProvider(sys.argv[1] if len(sys.argv) > 1 else None)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    serve(server)
    provider.settle()


if __name__ == "__main__":
    main()
