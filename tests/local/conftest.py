"""What tests of the local cloud's tools share: a folder and a PATH of their own."""

from pathlib import Path

import pytest

from local.emulator import PORT_VARIABLE
from local.paths import ENGINE_DIR, LOCAL_DIR, Folders, folders


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv(LOCAL_DIR, str(tmp_path / "local"))
    for name in (ENGINE_DIR, PORT_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return folders()


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, empty."""
    folder = tmp_path / "on-path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path
