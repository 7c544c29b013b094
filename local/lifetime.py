"""How a plugin process ends: with the engine that started it, and never in the middle of a call."""

import os
import signal
import threading
import time

_POLL_SECONDS = 0.5


def end_with_engine() -> None:
    """Follow the parent's end, since a killed engine leaves nobody to end its plugins.

    An interrupt from the terminal reaches the whole process group. The engine cancels in its own
    time and then ends its plugins, so they leave the interrupt to it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(0)
