"""Sets up `.venv`: `python3 -m local.install`, by the Python of the machine, packages not needed.

Run by the Makefile before every command that needs packages and finds none, or older ones.
"""

import shutil
import sys
from pathlib import Path
from typing import Final

from local import functions_emulator
from local.console import LocalCloudError, run_step, say
from local.locks import waiting_lock
from local.paths import REPOSITORY, folders

ENVIRONMENT: Final = REPOSITORY / ".venv"
REQUIREMENTS: Final = REPOSITORY / "requirements.txt", REPOSITORY / "requirements-dev.txt"


def install() -> None:
    """Make the environment as the requirement files say, and the functions emulator's.

    Two at once do it once.

    Raises:
        LocalCloudError: this Python cannot make environments, or packages were not found.
    """
    with waiting_lock(folders().lock("install")):
        done = ENVIRONMENT / ".installed"
        if _is_newest(done):
            return
        if not (ENVIRONMENT / "bin" / "pip").exists():
            # Half an environment, from a killed run, is no environment.
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            hint = "on Debian and Ubuntu install python3-venv, then run make again"
            run_step([sys.executable, "-m", "venv", str(ENVIRONMENT)], "making .venv", hint)
        words = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        words += ["--disable-pip-version-check", "-r", str(REQUIREMENTS[-1])]
        hint = "check the package index that pip uses, then run make again"
        run_step(words, "installing the packages into .venv, once, a minute or two", hint)
        functions_emulator.interpreter(folders())
        done.touch()


def _is_newest(done: Path) -> bool:
    if not done.exists():
        return False
    required = (*REQUIREMENTS, functions_emulator.REQUIREMENTS)
    return all(done.stat().st_mtime >= path.stat().st_mtime for path in required)


if __name__ == "__main__":
    try:
        install()
    except LocalCloudError as error:
        say(f"error: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
