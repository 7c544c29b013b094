"""Serves the awsx stand-in: `python -m local.providers.awsx <engine address>`."""

import os
import signal
import sys
import threading
import time

from pulumi.provider import main as serve

from local.providers.awsx.provider import AwsxProvider


def main() -> None:
    # The engine cancels in its own time: an interrupt from the terminal must not tear a call.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    serve(AwsxProvider(), sys.argv[1:])


def _end_with(parent: int) -> None:
    """A killed engine leaves nobody to end its plugins."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
