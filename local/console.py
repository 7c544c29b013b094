"""What the commands say, and how they fail."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

HEARTBEAT_SECONDS: Final = 10


class LocalCloudError(Exception):
    """An expected failure: what is wrong, where, and what to do."""


def say(text: str) -> None:
    sys.stderr.write(f"local cloud: {text}\n")
    sys.stderr.flush()


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Says `text`, and again with the seconds gone while the work inside takes long."""
    say(text)
    started, done = time.monotonic(), Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            say(f"{text} ({time.monotonic() - started:.0f} s)")

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def run_step(command: list[str], text: str, hint: str) -> None:
    """Run a command in the user's sight as one step, `text`.

    Raises:
        LocalCloudError: it failed; `hint` is what the user can do.
    """
    with progress(text):
        result = subprocess.run(command, check=False)
    if result.returncode:
        raise LocalCloudError(f"{text} failed, see above; {hint}")
