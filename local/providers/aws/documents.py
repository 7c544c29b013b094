"""JSON documents and lists in properties, which may be unknown, absent or wrong."""

import json
from collections.abc import Iterator
from typing import Any

from local.providers.aws.values import Properties

Refusals = Iterator[tuple[str, str]]


def document(text: Any) -> Any:
    """The JSON in `text`; None of what is unknown, absent or no JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None


def no_json(properties: Properties, *names: str) -> Refusals:
    for name in names:
        text = properties.get(name)
        if isinstance(text, str) and not isinstance(document(text), dict):
            yield name, f"InvalidParameter: {name} is no JSON object"


def items(value: Any) -> list[Properties]:
    """The structures of a list that may be absent or unknown."""
    return [item for item in listed(value) if isinstance(item, dict)]


def structure(value: Any) -> Properties:
    """A structure, empty where it is absent or unknown."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """A policy has a list or its one member alone."""
    return value if isinstance(value, list) else [value]


def statements(text: Any) -> list[Properties]:
    """The statements of a policy; none of one that is unknown or wrong."""
    policy = document(text)
    return items(policy.get("Statement", [])) if isinstance(policy, dict) else []
