"""How a process ends: with the one that started it, and a plugin never in the middle of a call."""

import os
import signal
import sys
import threading
import time
from typing import Any

import grpc

_POLL_SECONDS = 0.5

# What one call to the emulator may take at the very most.
_GRACE_SECONDS = 60


def serve(server: grpc.Server) -> None:
    """Print the server's port, as the engine expects, and serve until the engine is done.

    The engine ends its plugins with an interrupt, and one from the terminal reaches the whole
    process group: either way the calls under way are finished first.
    """
    interrupted = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    end_with_parent()
    interrupted.wait()
    stopped: Any = server.stop(_GRACE_SECONDS)
    stopped.wait()


def end_with_parent() -> None:
    """Follow the parent's end: a killed engine or `make` leaves nobody to end its children."""
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(0)
