"""The recovery objectives of the deployment documentation, and what a run made of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from operations.steps import Step


class Part(Enum):
    """The components of the table "Recovery Time Objectives"."""

    DATABASE = "Database"
    API = "API Service"
    ASSETS = "Static Assets"
    CONFIGURATION = "Configuration"


@dataclass(frozen=True)
class Objective:
    """`rto`: how long it may take; `rpo`: how much of the past may be lost."""

    part: Part
    rto: timedelta
    rpo: timedelta


OBJECTIVES: Final = (
    Objective(Part.DATABASE, timedelta(hours=4), timedelta(minutes=15)),
    Objective(Part.API, timedelta(minutes=30), timedelta(0)),
    Objective(Part.ASSETS, timedelta(minutes=15), timedelta(hours=1)),
    Objective(Part.CONFIGURATION, timedelta(minutes=15), timedelta(hours=1)),
)
DATABASE_RPO: Final = OBJECTIVES[0].rpo


@dataclass
class Stopwatch:
    """Times steps for the component that each is for."""

    clock: Callable[[], float] = time.monotonic
    steps: list[dict[str, Any]] = field(default_factory=list)

    def timed(self, part: Part, steps: Sequence[Step]) -> list[Step]:
        """The same steps, which leave their times here."""
        return [Step(step.title, self._timing(part, step)) for step in steps]

    def _timing(self, part: Part, step: Step) -> Callable[[], None]:
        def run() -> None:
            begun = self.clock()
            step.action()
            seconds = round(self.clock() - begun, 1)
            self.steps.append({"step": step.title, "for": part.value, "seconds": seconds})

        return run

    def took(self, part: Part) -> timedelta:
        seconds = sum(one["seconds"] for one in self.steps if one["for"] == part.value)
        return timedelta(seconds=seconds)


def compare(
    took: dict[Part, timedelta], lost: dict[Part, timedelta]
) -> list[dict[str, str | float | None]]:
    """Each objective beside what a run took and lost, in minutes; None for what it did not do."""
    return [_row(one, took.get(one.part), lost.get(one.part)) for one in OBJECTIVES]


def _row(
    objective: Objective, took: timedelta | None, lost: timedelta | None
) -> dict[str, str | float | None]:
    missed = [
        name
        for name, limit, found in (("RTO", objective.rto, took), ("RPO", objective.rpo, lost))
        if found is not None and found > limit
    ]
    done = "met" if took is not None else "not part of this run"
    return {
        "component": objective.part.value,
        "rto_minutes": _minutes(objective.rto),
        "took_minutes": _minutes(took),
        "rpo_minutes": _minutes(objective.rpo),
        "lost_minutes": _minutes(lost),
        "outcome": " and ".join(f"{name} missed" for name in missed) or done,
    }


def _minutes(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds() / 60, 1)
