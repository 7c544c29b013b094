"""The code of the functions: those parts of `operations/` that run without a terminal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pulumi

REPOSITORY: Final = Path(__file__).parents[1]

_PACKAGE: Final = "operations"

# The command line, whose typer and rich Lambda has not; boto3 it has.
_FOR_PEOPLE: Final = ("__main__.py", "cli.py", "commands", "console.py")


def function_archive(repository: Path = REPOSITORY) -> pulumi.AssetArchive:
    """One archive for all functions; a handler is `operations.handlers.<module>.handler`.

    The engine compares archives by their content and gives each file in the zip one fixed date,
    and the paths in it are those of the project: the same code is the same archive, wherever the
    repository lies and whenever it was fetched.
    """
    return pulumi.AssetArchive(
        {path: pulumi.FileAsset(path) for path in sorted(_paths(repository))}
    )


def _paths(repository: Path) -> Iterator[str]:
    """Relative to the project, in which the engine reads them."""
    package = repository / _PACKAGE
    for file in package.rglob("*.py"):
        if file.relative_to(package).parts[0] not in _FOR_PEOPLE:
            yield file.relative_to(repository).as_posix()
