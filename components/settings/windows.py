"""Weekly and daily windows in UTC, and what they keep apart from."""

import re
from collections.abc import Mapping
from typing import Final

from components.settings.fields import Problem, reject

# What else backs the database up, in minutes of the UTC day. RDS refuses or delays a snapshot
# while its own window or maintenance runs. 02:00 and 04:00 in Australia/Brisbane, which is UTC+10
# all year: docs/architecture.md.
OTHER_BACKUPS: Final[Mapping[str, int]] = {
    "the snapshot export": 16 * 60,
    "AWS Backup": 18 * 60,
}
OTHER_BACKUPS_DISTANCE: Final = 120

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _minutes(window: str) -> frozenset[int]:
    """The minutes of the week that a window covers; none where it is no window at all.

    `HH:MM-HH:MM` is every day, `ddd:HH:MM-ddd:HH:MM` once a week.
    """
    time = r"([01]\d|2[0-3]):([0-5]\d)"
    day = f"({'|'.join(_WEEKDAYS)}):"
    if match := re.fullmatch(f"{time}-{time}", window):
        numbers = [int(group) for group in match.groups()]
        start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        starts, length = range(start, start + _WEEK, _DAY), (end - start) % _DAY
    elif match := re.fullmatch(f"{day}{time}-{day}{time}", window):
        start, end = (
            _WEEKDAYS.index(match[group]) * _DAY
            + int(match[group + 1]) * 60
            + int(match[group + 2])
            for group in (1, 4)
        )
        starts, length = range(start, start + 1), (end - start) % _WEEK
    else:
        return frozenset()
    return frozenset(minute % _WEEK for first in starts for minute in range(first, first + length))


def check_window(window: str, least: int, weekly: bool) -> None:
    """Reject what the service takes for no window."""
    covered = len(_minutes(window)) // (1 if weekly else 7)
    if weekly != window[:1].isalpha() or not least <= covered < _DAY:
        kind, example = ("weekly", "sat:20:30-sat:21:30") if weekly else ("daily", "12:30-13:30")
        reject(Problem(f"a {kind} window of at least {least} minutes in UTC, such as {example}"))


def check_distance(window: str) -> None:
    """Reject a window that comes too close to what else backs the database up."""
    for what, at in OTHER_BACKUPS.items():
        apart = min(
            min((minute - at) % _DAY, (at - minute - 1) % _DAY) for minute in _minutes(window)
        )
        if apart < OTHER_BACKUPS_DISTANCE:
            reject(
                Problem(
                    f"{OTHER_BACKUPS_DISTANCE // 60} hours apart from all other backups",
                    f"{what} starts at {at // 60}:00 UTC",
                )
            )


def check_overlap(window: str, other: object) -> None:
    """Reject a window that overlaps the other one; a wrong one is not known here."""
    if isinstance(other, str) and _minutes(window) & _minutes(other):
        reject(Problem("a window that does not overlap the backups'", other))
