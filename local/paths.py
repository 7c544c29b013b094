"""Where the local cloud keeps what it keeps: one folder that git ignores."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]

LOCAL_DIR: Final = "AUSSIE_MARKETS_LOCAL_DIR"
"""Another folder than `.local`: another local cloud, beside the first."""

ENGINE_DIR: Final = "AUSSIE_MARKETS_ENGINE_DIR"
"""Another place for the built engine, which several local clouds can share."""


@dataclass(frozen=True)
class Folders:
    root: Path
    engine: Path

    @property
    def bin(self) -> Path:
        """Launchers of the plugins, first on the engine's PATH."""
        return self.root / "bin"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def project(self) -> Path:
        """Copies of the stack files with throw-away secrets; the committed ones stay untouched."""
        return self.root / "project"

    @property
    def pulumi_home(self) -> Path:
        return self.root / "pulumi-home"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def journal(self) -> Path:
        """What the aws stand-in has begun to create."""
        return self.root / "journal"

    @property
    def emulator(self) -> Path:
        """Process id, port and instance of the emulator that runs."""
        return self.root / "emulator.json"

    @property
    def functions_emulator(self) -> Path:
        """The same of the one for functions and schedules."""
        return self.root / "functions.json"

    @property
    def functions(self) -> Path:
        """Temporary files of functions, their unpacked code among them."""
        return self.root / "functions"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    def lock(self, name: str) -> Path:
        return self.locks / f"{name}.lock"

    @property
    def evidence(self) -> Path:
        """What the policy packs looked at, a folder, a page and a JSON file for each stack."""
        return self.root / "evidence"

    def built_on(self, stack: str) -> Path:
        """The emulator instance that holds what the stack's state says."""
        return self.root / "instances" / stack

    @property
    def forgettable(self) -> list[Path]:
        """What cleaning takes away: by name, since the folder may be one that holds more."""
        names = "bin", "state", "project", "pulumi-home", "logs", "instances", "journal", "evidence"
        paths = [*(self.root / name for name in names), self.functions]
        paths += [self.emulator, self.functions_emulator]
        return [path for path in paths if path.exists()]


def folders() -> Folders:
    root = Path(os.environ.get(LOCAL_DIR) or REPOSITORY / ".local").resolve()
    engine = Path(os.environ.get(ENGINE_DIR) or root / "engine").resolve()
    return Folders(root, engine)
