"""Pulumi's engine: the one on PATH, or one built from the pinned Go module."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from local.console import LocalCloudError, progress
from local.locks import waiting_lock
from local.paths import REPOSITORY, Folders

MODULE: Final = "github.com/pulumi/pulumi/pkg/v3"
COMMAND: Final = f"{MODULE}/cmd/pulumi"
# Unstamped, the CLI prints no version and the Automation API refuses it.
VERSION_VARIABLE: Final = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

# Flags as PULUMI_OPTION_… variables, which keep plain `pulumi` off the committed stack files
# (local/cli.py), came in November 2025 (pulumi/pulumi#20834); this is the first minor of 2026.
OLDEST: Final = (3, 220)

_GO_MODULE: Final = REPOSITORY / "local"


def pinned_version() -> str:
    found = re.search(rf"{re.escape(MODULE)} v(\S+)", (_GO_MODULE / "go.mod").read_text())
    if found is None:
        raise LocalCloudError(f"local/go.mod does not pin {MODULE}; restore it from git")
    return found[1]


def engine(folders: Folders) -> Path:
    """The path of a usable `pulumi`; the first time on a machine that may take minutes.

    Raises:
        LocalCloudError: there is neither Pulumi nor Go, Pulumi is too old, or the build failed.
    """
    installed = _on_path(folders)
    if installed is not None:
        _refuse_old(installed)
        return installed
    version = pinned_version()
    built = folders.engine / f"pulumi-v{version}"
    if built.exists():
        return built
    with waiting_lock(folders.engine / "build.lock"):
        if not built.exists():
            _build(version, built, folders)
    return built


def _on_path(folders: Folders) -> Path | None:
    found = shutil.which("pulumi", path=path_without(folders.bin))
    return Path(found) if found else None


def path_without(folder: Path) -> str:
    """PATH without the launchers, which are no installation."""
    parts = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(part for part in parts if part and Path(part).resolve() != folder)


def _refuse_old(installed: Path) -> None:
    try:
        answer = subprocess.run(
            [installed, "version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _does_not_run(installed, str(error)) from error
    found = re.search(r"v(\d+)\.(\d+)", answer.stdout)
    if found is None:
        raise _does_not_run(installed, f"`pulumi version` says {answer.stdout.strip()!r}")
    if (int(found[1]), int(found[2])) < OLDEST:
        raise LocalCloudError(
            f"{installed} is {answer.stdout.strip()}, and the local cloud needs "
            f"v{OLDEST[0]}.{OLDEST[1]} or newer; upgrade it, or take it off PATH and the local "
            "cloud builds its own"
        )


def _does_not_run(installed: Path, reason: str) -> LocalCloudError:
    return LocalCloudError(
        f"{installed} does not run ({reason}); repair that installation, or take it off PATH and "
        "the local cloud builds its own"
    )


def _build(version: str, target: Path, folders: Folders) -> None:
    go = shutil.which("go")
    if go is None:
        raise LocalCloudError(
            "there is neither `pulumi` nor `go` on PATH; install either of them, Pulumi "
            "(https://www.pulumi.com/docs/install/) or Go (https://go.dev/doc/install), with which "
            "the local cloud builds its own engine once, and run the command again"
        )
    folders.logs.mkdir(parents=True, exist_ok=True)
    log = folders.logs / "engine-build.log"
    for left in target.parent.glob("*.draft"):
        left.unlink()  # what a killed build left; the caller holds the lock
    draft = target.with_name(f"{target.name}.{os.getpid()}.draft")
    command = [go, "build", "-o", str(draft)]
    command += ["-ldflags", f"-X {VERSION_VARIABLE}=v{version}", COMMAND]
    text = f"building the Pulumi engine v{version}, once, about four minutes on two cores"
    with progress(text), log.open("wb") as output:
        result = subprocess.run(
            command, cwd=_GO_MODULE, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode:
        tail = "\n  ".join(log.read_text(errors="replace").splitlines()[-10:])
        draft.unlink(missing_ok=True)
        raise LocalCloudError(
            f"building the engine failed; the end of {log}:\n  {tail}\n"
            "put it right (Go's version, its module proxy, disk space) and run the command again"
        )
    # Only a finished build ever has the final name.
    draft.replace(target)
