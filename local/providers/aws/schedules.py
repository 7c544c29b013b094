"""Schedule expressions as AWS Backup and EventBridge Scheduler read them."""

import re
import zoneinfo
from datetime import datetime
from functools import cache
from typing import Final

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
_FIELDS: Final = ("minutes", "hours", "day-of-month", "month", "day-of-week", "year")
_RANGES: Final = {
    "minutes": (0, 59),
    "hours": (0, 23),
    "day-of-month": (1, 31),
    "month": (1, 12),
    "day-of-week": (1, 7),
    "year": (1970, 2199),
}
_NAMES: Final = {
    "month": ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    "day-of-week": ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}
_UNITS: Final = ("minute", "hour", "day")


def problem(expression: str, kinds: tuple[str, ...]) -> str | None:
    """What is wrong with `expression`, of which `kinds` (cron, rate, at) are allowed; or None."""
    found = re.fullmatch(r"(\w+)\((.*)\)", expression)
    if found is None or found[1] not in kinds:
        allowed = " or ".join(f"{kind}(...)" for kind in kinds)
        return f"Invalid Schedule Expression {expression}: it is {allowed}"
    reason = {"cron": _cron, "rate": _rate, "at": _at}[found[1]](found[2])
    return None if reason is None else f"Invalid Schedule Expression {expression}: {reason}"


def time_zone_problem(name: str) -> str | None:
    known = _time_zones()
    if not known or name in known:
        return None
    return f"Invalid Schedule Expression Timezone {name}: not a name of the IANA time zone database"


@cache
def _time_zones() -> frozenset[str]:
    """Empty on a machine without a time zone database."""
    return frozenset(zoneinfo.available_timezones())


def _cron(text: str) -> str | None:
    values = text.split()
    if len(values) != len(_FIELDS):
        return f"cron has six fields ({' '.join(_FIELDS)}), this one {len(values)}"
    fields = dict(zip(_FIELDS, values, strict=True))
    if (fields["day-of-month"] == "?") == (fields["day-of-week"] == "?"):
        return "exactly one of day-of-month and day-of-week is '?'"
    wrong = [name for name in _FIELDS if not _allowed(name, fields[name])]
    if wrong:
        return f"'{fields[wrong[0]]}' is no value of {wrong[0]}"
    return None


def _allowed(name: str, value: str) -> bool:
    if name in ("day-of-month", "day-of-week") and value in ("?", "L"):
        return True
    if name == "day-of-month" and re.fullmatch(r"\d+W|LW|L-\d+", value):
        return True
    if name == "day-of-week" and re.fullmatch(r"[1-7](L|#[1-5])", value):
        return True
    return all(_part(name, part) for part in value.split(","))


def _part(name: str, part: str) -> bool:
    start, _, step = part.partition("/")
    if "/" in part and not (step.isdigit() and int(step) > 0):
        return False
    return start == "*" or all(_point(name, point) for point in start.split("-", 1))


def _point(name: str, point: str) -> bool:
    least, most = _RANGES[name]
    if point.isdigit():
        return least <= int(point) <= most
    return point.upper() in _NAMES.get(name, ())


def _rate(text: str) -> str | None:
    found = re.fullmatch(r"([1-9]\d*) (\w+)", text)
    singular = found is not None and found[1] == "1"
    units = [unit if singular else f"{unit}s" for unit in _UNITS]
    if found is None or found[2] not in units:
        return f"rate has a number and a unit, here one of {', '.join(units)}"
    return None


def _at(text: str) -> str | None:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "at has a time such as 2027-01-31T02:00:00"
    return None
