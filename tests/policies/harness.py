"""Runs single rules as the SDK does, without an engine."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

PACKS_FOLDER: Final = Path(__file__).parents[2] / "policies"
PACKS: Final = sorted(path.parent for path in PACKS_FOLDER.glob("*/PulumiPolicy.yaml"))

UNKNOWN: Final = UNKNOWN_STRING_VALUE
"""As the engine marks a value that is not known before the update."""

STAGING: Final = "staging"
PRODUCTION: Final = "production"
UNLISTED: Final = "a-demo"


@dataclass(frozen=True)
class Outcome:
    """What the SDK would report: violations with their resource, and an advisory."""

    violations: list[tuple[str, str]]
    advisory: str

    @property
    def passed(self) -> bool:
        return not self.violations and not self.advisory

    @property
    def failed(self) -> list[str]:
        """The names of the violating resources."""
        return [name for name, _ in self.violations]

    @property
    def messages(self) -> str:
        return "\n".join(message for _, message in self.violations)


@dataclass
class Given:
    """A resource of a stack; `depends` are the names behind its properties."""

    type: str
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    depends: Mapping[str, "Given | Sequence[Given]"] = field(default_factory=dict)
    protect: bool = False
    lists_id: bool = False
    """Whether its provider lists the id among the outputs too, as pulumi-aws does."""


def rules_of(pack: str) -> list[Policy]:
    """Every rule of a pack, by name of the folder."""
    names = sorted(p.stem for p in (PACKS_FOLDER / pack).glob("*.py") if p.stem != "__main__")
    modules = [importlib.import_module(f"policies.{pack}.{name}") for name in names]
    values = [value for module in modules for value in vars(module).values()]
    return [value for value in values if isinstance(value, Policy)]


def check(
    policy: ResourceValidationPolicy,
    resource_type: str,
    properties: Mapping[str, Any],
    *,
    stack: str = PRODUCTION,
    name: str = "it",
    config: Mapping[str, Any] | None = None,
    protect: bool = False,
) -> Outcome:
    """One resource rule over one resource."""
    args = ResourceValidationArgs(
        resource_type,
        unknown_checking_proxy(dict(properties)),
        _urn(stack, resource_type, name),
        name,
        _options(protect),
        None,
        config,
    )
    violations: list[tuple[str, str]] = []

    def report(message: str, urn: str | None) -> None:
        violations.append((_name(urn), message))

    return Outcome(violations, _advisory_of(lambda: policy.validate(args, report)))


def check_stack(
    policy: StackValidationPolicy,
    given: Sequence[Given],
    *,
    stack: str = PRODUCTION,
    config: Mapping[str, Any] | None = None,
) -> Outcome:
    """One stack rule over a whole stack."""
    resources = {
        id(each): PolicyResource(
            each.type,
            unknown_checking_proxy(_as_shown(each)),
            _urn(stack, each.type, each.name),
            each.name,
            _options(each.protect),
            None,
            None,
            [],
            {},
        )
        for each in given
    }
    for each in given:
        for key, behind in each.depends.items():
            many = [behind] if isinstance(behind, Given) else behind
            resources[id(each)].property_dependencies[key] = [resources[id(one)] for one in many]
    violations: list[tuple[str, str]] = []

    def report(message: str, urn: str | None) -> None:
        violations.append((_name(urn), message))

    args = StackValidationArgs(list(resources.values()), config)
    return Outcome(violations, _advisory_of(lambda: policy.validate(args, report)))


def _as_shown(given: Given) -> dict[str, Any]:
    """Without its id, which the engine adds to no outputs; an ARN ends with it."""
    properties = dict(given.properties)
    if given.lists_id:
        return properties
    identity = properties.pop("id", None)
    if identity is not None and "arn" not in properties:
        is_whole = identity == UNKNOWN or identity.startswith("arn:")
        of_type = "arn:aws:service:ap-southeast-2:123456789012:kind/"
        properties["arn"] = identity if is_whole else f"{of_type}{identity}"
    return properties


def _options(protect: bool) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        protect=protect,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
    )


def _advisory_of(run: Any) -> str:
    try:
        run()
    except UnknownValueError as unknown:
        return unknown.message
    return ""


def _urn(stack: str, resource_type: str, name: str) -> str:
    return f"urn:pulumi:{stack}::aussie-markets::{resource_type}::{name}"


def _name(urn: str | None) -> str:
    return (urn or "").rsplit("::", 1)[-1]
