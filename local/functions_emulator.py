"""The emulator of functions and schedules: ministack beside moto, which cannot run them.

It has a virtual environment of its own, since it pins another botocore than ours, and holds
`lambda` and `scheduler` alone. It ends with the AWS emulator that it was started beside, where its
functions find all else.
"""

import hashlib
import os
import shutil
import sys
from operator import attrgetter
from pathlib import Path
from typing import Final

from local import servers
from local.console import run_step
from local.locks import waiting_lock
from local.paths import REPOSITORY, Folders
from local.servers import Kind, Launch, Server

PORT_VARIABLE: Final = "AUSSIE_MARKETS_FUNCTIONS_PORT"
KIND: Final = Kind(
    "functions",
    "the emulator of functions and schedules",
    5567,
    PORT_VARIABLE,
    attrgetter("functions_emulator"),
)
REQUIREMENTS: Final = REPOSITORY / "local" / "ministack-requirements.txt"
SERVICES: Final = ("LAMBDA", "SCHEDULER")
"""What boto3 has to send here, as in its variables AWS_ENDPOINT_URL_<SERVICE>."""


def find(folders: Folders, emulator: Server) -> Server | None:
    """The one that runs beside this AWS emulator."""
    server = servers.find(KIND, folders)
    return server if server is not None and server.instance.startswith(_prefix(emulator)) else None


def ensure(folders: Folders, emulator: Server) -> Server:
    """The running one, started beside this AWS emulator if it does not run.

    Raises:
        LocalCloudError: its packages were not found, the port that the user chose is taken, or it
            did not start.
    """
    python = interpreter(folders)

    def launch(port: int, instance: str) -> Launch:
        shutil.rmtree(folders.functions, ignore_errors=True)  # of one that was killed
        folders.functions.mkdir(parents=True)
        command = [str(python), "-m", "local.functions_server", "--port", str(port)]
        command += ["--emulator", emulator.url, "--beside", str(emulator.process)]
        return Launch([*command, "--instance", instance], environment(folders.functions))

    return servers.ensure(KIND, folders, launch, _prefix(emulator))


def stop(folders: Folders) -> None:
    servers.stop(KIND, folders)


def _prefix(emulator: Server) -> str:
    return f"{emulator.instance}."


def environment(temporary: Path) -> dict[str, str]:
    """All that the emulator knows of this machine: its functions inherit it.

    In UTC as on Lambda, with made-up credentials, and without the user's own AWS profiles.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": str(temporary),
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "BIND_HOST": servers.HOST,
    }


def interpreter(folders: Folders) -> Path:
    """The Python of ministack's environment, which is made the first time and shared by clouds.

    Raises:
        LocalCloudError: this Python cannot make environments, or packages were not found.
    """
    made_of = f"{sys.version_info[:2]}{sys.base_prefix}{REQUIREMENTS.read_text()}"
    name = f"ministack-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    target = folders.engine / name
    python = Path("bin") / "python"
    if target.exists():
        return target / python
    with waiting_lock(folders.engine / "ministack.lock"):
        if not target.exists():
            draft = folders.engine / "ministack.draft"
            shutil.rmtree(draft, ignore_errors=True)  # what a killed command left
            _make(draft, draft / python)
            # Only a finished environment ever has the final name.
            draft.replace(target)
    return target / python


def _make(folder: Path, python: Path) -> None:
    text = "making an environment for functions and schedules, once, ten seconds"
    hint = "on Debian and Ubuntu install python3-venv, then run the command again"
    run_step([sys.executable, "-m", "venv", str(folder)], text, hint)
    words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    text = f"installing the packages of {REQUIREMENTS.name}"
    hint = "check the package index that pip uses, then run the command again"
    run_step([*words, "--no-deps", "-r", str(REQUIREMENTS)], text, hint)
