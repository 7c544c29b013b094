"""The two emulators as one: started, found and ended together."""

from dataclasses import dataclass

from local import emulator, functions_emulator
from local.paths import Folders
from local.servers import Server


@dataclass(frozen=True)
class Emulators:
    """`aws` holds all services but those of `functions`."""

    aws: Server
    functions: Server

    @property
    def instance(self) -> str:
        """New whenever either of them was started anew, and so has forgotten what it held."""
        return self.functions.instance


def find(folders: Folders) -> Emulators | None:
    aws = emulator.find(folders)
    functions = functions_emulator.find(folders, aws) if aws is not None else None
    return None if aws is None or functions is None else Emulators(aws, functions)


def ensure(folders: Folders) -> Emulators:
    """The running ones, started if they do not run.

    Raises:
        LocalCloudError: a port that the user chose is taken, one of them did not start, or the
            packages of the second were not found.
    """
    aws = emulator.ensure(folders)
    return Emulators(aws, functions_emulator.ensure(folders, aws))


def stop(folders: Folders) -> None:
    functions_emulator.stop(folders)
    emulator.stop(folders)
