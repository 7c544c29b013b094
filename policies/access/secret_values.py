"""What tells that a variable of an environment holds a secret."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

from .rule import Setting

SECRET_NAMES: Final = Setting(
    "secretNames",
    "Names of environment variables that hold secrets, in which * matches anything",
    [
        *("*PASSWORD*", "*SECRET*", "*TOKEN*", "*CREDENTIAL*", "*API_KEY*", "*APIKEY*"),
        *("*ACCESS_KEY*", "*PRIVATE_KEY*", "DATABASE_URL", "REDIS_URL"),
    ],
    {"type": "array", "items": {"type": "string"}},
)

# A reference to a secret is none: an ARN, or the path of a parameter.
_REFERENCE: Final = re.compile(r"arn:aws[\w-]*:|/[\w./-]+$")
_SECRET_VALUES: Final = (
    re.compile(r"(^|[^A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}($|[^A-Z0-9])"),  # AWS access key ids
    re.compile(r"://[^/@\s]*:[^/@\s]+@"),  # a URL with a password
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
)


def looks_secret(name: str, value: Any, secret_names: Iterable[str]) -> bool:
    """Whether a variable is a secret by its name, or whatever its name by its value."""
    text = str(value or "")
    if any(pattern.search(text) for pattern in _SECRET_VALUES):
        return True
    named = any(fnmatchcase(name.upper(), pattern) for pattern in secret_names)
    return named and bool(text) and not _REFERENCE.match(text)
