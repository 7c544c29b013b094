"""JSON documents inside properties, read as what they mean: policies and container definitions.

Policies are read statement by statement, as the IAM user guide's "IAM JSON policy elements
reference" defines them. One copy serves every pack, by symbolic link, as `rule.py` does.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeGuard

from .rule import Checked

_WILDCARDS: Final = "*?"
_NEGATIVE: Final = "not"
_PRESENCE: Final = "null"

# Half of the internet twice is the internet: see open_to_world.py of the access pack.
_WIDEST_NETWORK: Final = {4: 8, 6: 16}

# "The meaning of public" in the Amazon S3 user guide, "Blocking public access", and the keys
# that other services send for the same: who calls, from where, or on behalf of what.
_CALLER_KEYS: Final = (
    *("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"),
    *("aws:sourceowner", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:userid"),
    *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"),
    *("kms:calleraccount", "s3:dataaccesspointaccount", "s3:dataaccesspointarn"),
)


class MalformedDocumentError(ValueError):
    """A property that holds no document of the wanted kind; the message says what is wrong."""


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _strings(value: Any) -> tuple[str, ...]:
    """One string or several, as every element of a policy may be written."""
    values = value if _is_list(value) else (value,)
    # JSON's own true and 5 mean what "true" and "5" mean.
    return tuple(each if isinstance(each, str) else json.dumps(each) for each in values)


@lru_cache(maxsize=4096)
def _pattern(glob: str, sensitive: bool) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "[^*]" if char == "?" else re.escape(char) for char in glob)
    return re.compile("".join(parts), re.DOTALL | (0 if sensitive else re.IGNORECASE))


def covers(glob: str, wanted: str, *, case_sensitive: bool = True) -> bool:
    """Whether an IAM pattern includes all of another one, or a plain value.

    `s3:*` covers `s3:Get*` and `s3:GetObject`, and is covered by neither.
    """
    return _pattern(glob, case_sensitive).fullmatch(wanted) is not None


@dataclass(frozen=True)
class Selection:
    """Actions or resources of a statement: those of a list, or all but those of a list."""

    patterns: tuple[str, ...]
    inverted: bool
    case_sensitive: bool

    def includes(self, wanted: str) -> bool:
        """Whether all of `wanted`, which may have wildcards, is selected."""
        if self.inverted:
            # What touches an excluded pattern at all is not selected as a whole.
            return not any(
                self._covers(pattern, wanted) or self._covers(wanted, pattern)
                for pattern in self.patterns
            )
        return any(self._covers(pattern, wanted) for pattern in self.patterns)

    def _covers(self, glob: str, wanted: str) -> bool:
        return covers(glob, wanted, case_sensitive=self.case_sensitive)


@dataclass(frozen=True)
class Principals:
    """Whom a statement of a resource or trust policy is about."""

    by_type: Mapping[str, tuple[str, ...]]
    """`AWS`, `Service`, `Federated`, `CanonicalUser`; `*` alone stands as AWS."""
    inverted: bool

    @property
    def everyone(self) -> bool:
        """Whether anybody on earth is meant; everybody but a few is everybody."""
        return self.inverted or any("*" in values for values in self.by_type.values())

    def of(self, kind: str) -> tuple[str, ...]:
        """Those of one type, where they are listed and not excluded."""
        return () if self.inverted else self.by_type.get(kind, ())

    def includes_service(self, service: str) -> bool:
        """Whether `service`, such as `logs.amazonaws.com`, is meant."""
        if self.inverted:
            return service not in self.by_type.get("Service", ())
        return self.everyone or service in self.by_type.get("Service", ())


@dataclass(frozen=True)
class Condition:
    """One operator and key of a statement's `Condition`."""

    operator: str
    """In lower case, without set prefix and `IfExists`: `stringequals`, `arnlike`, `null`."""
    key: str
    """In lower case, as keys are compared: `aws:sourcearn`."""
    values: tuple[str, ...]
    if_exists: bool
    for_all_values: bool

    @property
    def negative(self) -> bool:
        """`StringNotEquals` and its kind, which are true for requests without the key too."""
        return _NEGATIVE in self.operator

    @property
    def optional(self) -> bool:
        """Whether a request without the key meets it: `IfExists`, `ForAllValues`."""
        return self.if_exists or self.for_all_values

    @property
    def limits(self) -> bool:
        """Whether it leaves only requests that carry the key with one of a few values."""
        if self.negative or self.optional or self.operator == _PRESENCE or not self.values:
            return False
        return all(_is_narrow(value) for value in self.values)


def _is_narrow(value: str) -> bool:
    """Whether a condition's value says anything: not `*`, an ARN of anyone, or the internet."""
    if value.startswith("arn:"):
        *_, account, resource = [*value.split(":", 5), *[""] * 5][:6]
        # Only a few services, S3 above all, leave the account out of their ARNs.
        named = account or resource
        return bool(named.strip(_WILDCARDS))
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return bool(value.strip(_WILDCARDS))
    return network.prefixlen >= _WIDEST_NETWORK[network.version]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    label: str
    """How a message names it: its Sid, or its position from 0."""
    allows: bool
    """Effect Allow; else Deny."""
    actions: Selection
    resources: Selection
    """All where the policy names none: resource and trust policies may leave it out."""
    principals: Principals | None
    """None in a policy of an identity."""
    conditions: tuple[Condition, ...]

    def limited_by(self, test: Callable[[str], bool]) -> bool:
        """Whether a condition with such a key, in lower case, limits the statement."""
        return any(condition.limits and test(condition.key) for condition in self.conditions)

    @property
    def opens_to_everyone(self) -> bool:
        """Allows anybody, and no condition says who or from where."""
        return (
            self.allows
            and self.principals is not None
            and self.principals.everyone
            and not self.limited_by(lambda key: key in _CALLER_KEYS)
        )


def parse_policy(document: Any) -> tuple[Statement, ...]:
    """The statements of a policy, given as JSON or as an object.

    Raises MalformedDocumentError.
    """
    policy = _decoded(document)
    if not isinstance(policy, Mapping):
        raise MalformedDocumentError("no JSON object")
    found = policy.get("Statement")
    statements = (found,) if isinstance(found, Mapping) else found
    if not _is_list(statements):
        raise MalformedDocumentError("a policy without Statement")
    return tuple(_statement(index, statement) for index, statement in enumerate(statements))


def parse_containers(document: Any) -> tuple[Mapping[str, Any], ...]:
    """The container definitions of a task definition, as the ECS API names their members.

    Raises MalformedDocumentError.
    """
    containers = _decoded(document)
    if not _is_list(containers) or not all(isinstance(each, Mapping) for each in containers):
        raise MalformedDocumentError("no JSON list of containers")
    return tuple(containers)


def statements_of(resource: Checked, path: str, document: Any) -> Iterator[Statement]:
    """`parse_policy` for a rule: what is no policy is a violation, and has no statements."""
    try:
        yield from parse_policy(document)
    except MalformedDocumentError as error:
        resource.fails(path, seen=str(error), wanted="an IAM policy document")


def containers_of(task: Checked) -> Iterator[Mapping[str, Any]]:
    """`parse_containers` for a rule: what is no such list is a violation, and has none."""
    try:
        yield from parse_containers(task.get("containerDefinitions"))
    except MalformedDocumentError as error:
        task.fails("containerDefinitions", seen=str(error), wanted="a list of containers")


def _decoded(document: Any) -> Any:
    if not isinstance(document, str):
        return document
    try:
        return json.loads(document)
    except ValueError:
        raise MalformedDocumentError("no JSON") from None


def _statement(index: int, statement: Any) -> Statement:
    if not isinstance(statement, Mapping):
        raise MalformedDocumentError(f"a policy whose statement {index} is no object")
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedDocumentError(f"a policy whose statement {index} neither allows nor denies")
    return Statement(
        label=str(statement.get("Sid") or index),
        allows=effect == "Allow",
        actions=_selection(statement, "Action", case_sensitive=False),
        resources=_selection(statement, "Resource", case_sensitive=True),
        principals=_principals(statement),
        conditions=tuple(_conditions(statement.get("Condition") or {}, index)),
    )


def _selection(statement: Mapping[str, Any], element: str, *, case_sensitive: bool) -> Selection:
    inverted = f"Not{element}" in statement
    found = statement.get(f"Not{element}" if inverted else element, "*")
    return Selection(_strings(found), inverted, case_sensitive)


def _principals(statement: Mapping[str, Any]) -> Principals | None:
    inverted = "NotPrincipal" in statement
    found = statement.get("NotPrincipal" if inverted else "Principal")
    if found is None:
        return None
    by_type = found if isinstance(found, Mapping) else {"AWS": found}
    return Principals({kind: _strings(values) for kind, values in by_type.items()}, inverted)


def _conditions(condition: Any, index: int) -> Iterator[Condition]:
    if not isinstance(condition, Mapping) or not all(
        isinstance(keys, Mapping) for keys in condition.values()
    ):
        raise MalformedDocumentError(f"a policy whose statement {index} has no proper Condition")
    for written, keys in condition.items():
        prefix, _, operator = written.lower().rpartition(":")
        base = operator.removesuffix("ifexists")
        for key, values in keys.items():
            yield Condition(
                operator=base,
                key=key.lower(),
                values=_strings(values),
                if_exists=base != operator,
                for_all_values=prefix == "forallvalues",
            )
