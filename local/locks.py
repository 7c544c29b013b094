"""Locks between processes. The kernel lets go of them however their holder ends."""

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.console import LocalCloudError, say

_POLL_SECONDS = 0.2


@contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Held by one process at a time; the others wait, and say once that they do."""
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another command ({path.stem})")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def refusing_lock(path: Path, refusal: str, patience: float) -> Iterator[int]:
    """Held by one process at a time; another is refused.

    Yields the descriptor, which a child inherits so that the lock outlives a killed parent as
    long as the child works. `patience` is how many seconds such a child gets to end.

    Raises:
        LocalCloudError: another process holds the lock; names its process id.
    """
    descriptor = _open(path)
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = path.read_text().strip() or "?"
                if is_running(holder) or time.monotonic() > deadline:
                    raise LocalCloudError(refusal.format(holder=holder)) from None
                time.sleep(_POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def command_line(process: int) -> str:
    """The words of a running process, empty if there is none; process numbers come round again."""
    if Path("/proc/self").exists():  # Linux, where slim images have no ps
        try:
            return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            return ""
    words = ["ps", "-ww", "-o", "command=", "-p", str(process)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def is_running(process: str) -> bool:
    """Whether a process of this id runs; one that ended and was not waited for does not."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    try:
        # proc(5): the state follows the name, which ends with the last parenthesis.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists()
