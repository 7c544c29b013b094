"""Whether policies allow a request: IAM's rules, as far as this platform's policies use them.

What it does not know (an operator, `NotAction`) raises, so that no statement is passed over.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Values = str | Sequence[str]

_FIELDS: Final = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


@dataclass(frozen=True)
class Request:
    """One call: what AWS would compare a policy with.

    `resource` is `*` for actions without one. `principal` is `Service:<name>` or `AWS:<ARN>`, and
    matters where the policy names principals. `context` holds the condition keys.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    principal: str = ""


def allowed(policy: str | Mapping[str, Any], request: Request) -> bool:
    """Whether some statement allows the request, and none denies it."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    assert document["Version"] == "2012-10-17"
    effects = {
        statement["Effect"] for statement in document["Statement"] if _applies(statement, request)
    }
    return "Allow" in effects and "Deny" not in effects


def statements(policy: str) -> dict[str, dict[str, Any]]:
    """The statements of a policy by their Sid."""
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    unknown = statement.keys() - _FIELDS
    if unknown:
        raise NotImplementedError(f"statements with {', '.join(sorted(unknown))}")
    return (
        any(_matches(action, request.action, fold=True) for action in _list(statement["Action"]))
        and any(_matches(text, request.resource) for text in _list(statement.get("Resource", "*")))
        and _has_principal(statement, request.principal)
        and all(
            _holds(operator, key, values, request.context)
            for operator, pairs in statement.get("Condition", {}).items()
            for key, values in pairs.items()
        )
    )


def _has_principal(statement: Mapping[str, Any], principal: str) -> bool:
    if "Principal" not in statement:
        return True
    named = statement["Principal"]
    if named == "*":
        return True
    return any(
        principal == f"{kind}:{value}" for kind, values in named.items() for value in _list(values)
    )


def _holds(
    operator: str, key: str, wanted: Values, context: Mapping[str, str | Sequence[str]]
) -> bool:
    tests: Mapping[str, Callable[[str, str], bool]] = {
        "StringEquals": lambda pattern, value: pattern == value,
        "StringNotEquals": lambda pattern, value: pattern != value,
        "StringLike": _matches,
        "ArnEquals": _arn_matches,
        "ArnLike": _arn_matches,
        "Bool": lambda pattern, value: pattern.lower() == value.lower(),
    }
    if operator == "Null":
        return (key not in context) == (wanted == "true")
    several, name, optional = re.fullmatch(  # type: ignore[union-attr]
        r"(ForAllValues:|ForAnyValue:)?(\w+?)(IfExists)?", operator
    ).groups()
    if name not in tests:
        raise NotImplementedError(operator)
    if key not in context:
        return several == "ForAllValues:" or optional is not None or name == "StringNotEquals"
    values = list(_list(context[key]))
    if several is None and len(values) != 1:
        raise NotImplementedError(f"{operator} of several values")

    def meets(value: str) -> bool:
        outcomes = [tests[name](pattern, value) for pattern in _list(wanted)]
        return all(outcomes) if name == "StringNotEquals" else any(outcomes)

    return any(map(meets, values)) if several == "ForAnyValue:" else all(map(meets, values))


def _arn_matches(pattern: str, value: str) -> bool:
    """Part by part, so that no wildcard reaches over a colon; the last part is the rest."""
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) and all(map(_matches, patterns, values))


def _matches(pattern: str, text: str, fold: bool = False) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.IGNORECASE if fold else 0) is not None


def _list(values: Values) -> Iterator[str]:
    yield from [values] if isinstance(values, str) else values
