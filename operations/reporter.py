"""How a runbook talks: to a person at a terminal (`operations.console`), or into a log."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from operations.errors import InputError

_LOG: Final = logging.getLogger("operations")


class Reporter(Protocol):
    """What a runbook needs of whoever listens."""

    @property
    def as_json(self) -> bool:
        """Whether the result goes to a machine."""

    def say(self, text: str) -> None:
        """Progress, and anything else that is not the result."""

    def result(self, data: Mapping[str, Any], title: str) -> None:
        """The result of a command; values are what JSON has, and dates."""

    def rows(self, data: Sequence[Mapping[str, Any]], title: str) -> None:
        """A result of several alike."""

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is destroyed or overwritten.

        Raises:
            InputError: the answer was no, or there is nobody to ask.
        """


class LogReporter:
    """The reporter of functions, which nobody watches."""

    as_json: Final = True

    def say(self, text: str) -> None:
        _LOG.info(text)

    def result(self, data: Mapping[str, Any], title: str) -> None:
        _LOG.info("%s: %s", title, json.dumps(data, default=str))

    def rows(self, data: Sequence[Mapping[str, Any]], title: str) -> None:
        _LOG.info("%s: %s", title, json.dumps(list(data), default=str))

    def confirm(self, question: str, *, yes: bool) -> None:
        if not yes:
            raise InputError(f"{question} Nobody can answer here")


@dataclass
class Gathered:
    """The reporter of a dry run that is one of several: what all would do is shown as one."""

    reporter: Reporter
    would: list[str] = field(default_factory=list)

    @property
    def as_json(self) -> bool:
        return True

    def say(self, text: str) -> None:
        self.reporter.say(text)

    def result(self, data: Mapping[str, Any], title: str) -> None:  # noqa: ARG002 - one for all
        # Two runbooks may both find the same left to do.
        self.would += [step for step in data["would"] if step not in self.would]

    def rows(self, data: Sequence[Mapping[str, Any]], title: str) -> None:
        self.reporter.rows(data, title)

    def confirm(self, question: str, *, yes: bool) -> None:
        self.reporter.confirm(question, yes=yes)
