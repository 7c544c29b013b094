"""Serves the aws stand-in: `python -m local.providers.aws <engine address>`."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

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
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # The engine cancels in its own time: an interrupt from the terminal must not tear a call.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server.wait_for_termination()


def _end_with(parent: int) -> None:
    """A killed engine leaves nobody to end its plugins."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
