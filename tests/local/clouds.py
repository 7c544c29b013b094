"""Local clouds whose emulators are children of the tests' own process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from local import emulator, emulators, functions_emulator
from local.paths import ENGINE_DIR, LOCAL_DIR, Folders, folders
from local.servers import Server, free_port


def reap(process: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(process, 0)


@contextmanager
def local_cloud(root: Path) -> Iterator[Folders]:
    """A local cloud on free ports, with the environment of functions that `make` has set up."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ENGINE_DIR, str(folders().engine))
        patched.setenv(LOCAL_DIR, str(root))
        for variable in (emulator.PORT_VARIABLE, functions_emulator.PORT_VARIABLE):
            patched.setenv(variable, str(free_port()))
        where = folders()
        try:
            yield where
        finally:
            running = list(_running(where))
            emulators.stop(where)
            for server in running:
                reap(server.process)


def _running(where: Folders) -> Iterator[Server]:
    if aws := emulator.find(where):
        yield aws
        if functions := functions_emulator.find(where, aws):
            yield functions
