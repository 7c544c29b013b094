"""Runs a Pulumi program for the language host: `python -m local.program`, settings on stdin.

A mistake in the program shows the program's own traceback alone: what runs it is nobody's business.
"""

import asyncio
import json
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path
from typing import Final, NamedTuple

import pulumi
import pulumi.runtime

from local.lifetime import end_with_parent

# What the official host's runner exits with: the user has been told, print nothing more.
ALREADY_EXPLAINED: Final = 32


class Run(NamedTuple):
    """What the engine asks a language host to run; `config` may hold secrets."""

    program: str
    project: str
    stack: str
    organization: str
    root_directory: str
    config: dict[str, str]
    config_secret_keys: list[str]
    dry_run: bool
    parallel: int
    monitor: str
    engine: str


def run(request: Run) -> int:
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request.project,
            stack=request.stack,
            organization=request.organization,
            root_directory=request.root_directory,
            dry_run=request.dry_run,
            parallel=request.parallel,
            monitor=request.monitor,
            engine=request.engine,
        )
    )
    pulumi.runtime.set_all_config(request.config, request.config_secret_keys)
    path = Path(request.program)
    folder = str(path if path.is_dir() else path.parent)
    sys.path[0] = folder
    sys.argv = [request.program]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(
            pulumi.runtime.run_in_stack(
                lambda: runpy.run_path(request.program, run_name="__main__")  # type: ignore[arg-type, return-value]
            )
        )
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        pulumi.log.error(str(error.code))
    except BaseException as error:
        pulumi.log.error(
            "Program failed with an unhandled exception:\n" + own_traceback(error, folder)
        )
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return ALREADY_EXPLAINED


def own_traceback(error: BaseException, folder: str) -> str:
    """The traceback without the frames that run the program, the SDK's behind it included."""
    told = traceback.TracebackException.from_exception(error)
    _keep_own_frames(told, os.path.realpath(folder) + os.sep)
    return "".join(told.format()).rstrip()


def _keep_own_frames(told: traceback.TracebackException, root: str) -> None:
    own = [frame for frame in told.stack if _is_own(frame.filename, root)]
    told.stack = traceback.StackSummary.from_list(own)
    for behind in (told.__cause__, told.__context__, *(told.exceptions or [])):
        if behind is not None:
            _keep_own_frames(behind, root)


def _is_own(file: str, root: str) -> bool:
    path = os.path.realpath(file)
    return (
        Path(file).is_file()
        and path.startswith(root)
        and f"{os.sep}site-packages{os.sep}" not in file
        and path != os.path.realpath(__file__)
    )


def main() -> None:
    request = Run(**json.load(sys.stdin))
    # An interrupt from the terminal is the engine's to act on; it then ends this program.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    sys.exit(run(request))


if __name__ == "__main__":
    main()
