"""What a runbook says: tables and progress for people, one JSON document for machines."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console as RichConsole
from rich.table import Table

from operations.errors import InputError


@dataclass(frozen=True)
class Console:
    """Progress goes to standard error, so that standard output is the result alone."""

    as_json: bool = False
    _out: RichConsole = field(default_factory=lambda: RichConsole(soft_wrap=True))
    _err: RichConsole = field(default_factory=lambda: RichConsole(stderr=True, soft_wrap=True))

    def say(self, text: str) -> None:
        """Progress, and anything else that is not the result."""
        self._err.print(text, markup=False, highlight=False)

    def result(self, data: Mapping[str, Any], title: str) -> None:
        """The result of a command; values are what JSON has, and dates."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, indent=2, default=_plain) + "\n")
            return
        table = Table(title=title, title_justify="left", show_header=False)
        for key, value in data.items():
            table.add_row(key.replace("_", " "), _shown(value))
        self._out.print(table)

    def rows(self, data: Sequence[Mapping[str, Any]], title: str) -> None:
        """A result of several alike; nothing at all is said in words."""
        if self.as_json:
            sys.stdout.write(json.dumps(list(data), indent=2, default=_plain) + "\n")
            return
        if not data:
            self._out.print(f"{title}: none", markup=False)
            return
        table = Table(title=title, title_justify="left")
        for key in data[0]:
            table.add_column(key.replace("_", " "))
        for row in data:
            table.add_row(*(_shown(value) for value in row.values()))
        self._out.print(table)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is destroyed or overwritten.

        Raises:
            InputError: the answer was no, or there is nobody to ask.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise InputError(f"{question} Nobody can answer here: add --yes if so")
        self._err.print(f"{question} [y/N] ", markup=False, end="")
        if input().strip().lower() not in ("y", "yes"):
            raise InputError("nothing was changed, as you wished")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(_shown(item) for item in value)
    return "-" if value is None else str(value)
