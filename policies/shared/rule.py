"""How a rule of a policy pack is declared; `Rule` is the only thing that a pack needs.

One copy serves every pack. Each pack's `rule.py` is a symbolic link to this file, because
`pulumi policy publish` packs one folder: it follows links and stores what they point to
(pulumi, `sdk/go/common/util/archive/archive.go`), so that a published pack is whole, and the
repository has no copies that could drift apart. Rules import it relatively (`from .rule import`),
which works in the repository, in a pack that the engine runs, and in a published one.

What the SDK leaves to us (pulumi-policy 1.21, `pulumi_policy/policy.py` and `proxy.py`):

- Reading a value that a preview cannot know raises `UnknownValueError`; the SDK reports that as
  an advisory and skips the rest of the rule, in a stack rule for all resources. Here it is
  caught for each resource, the others are still checked, and the advisory lists what was left
  for the update. So an unknown value never fails a preview, and never passes in silence.
- The stack's name reaches a pack in an environment variable in one way of running packs only.
  It is read from the URN instead, which every way has.
"""

import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

SPARED_STACKS: Final = frozenset({"staging"})
"""Stacks without production's demands. A stack that nobody listed has them."""

_EXEMPTIONS: Final = "exemptions"
_SHORTEST_REASON: Final = 15
_PACKAGE: Final = "pack"
_WHOLE_STACK: Final = "pulumi:pulumi:Stack"
_END_OF_ARN: Final = re.compile("[:/]")

_Candidate = TypeVar("_Candidate")

EVIDENCE: Final = "POLICY_EVIDENCE"
"""The environment variable with a folder for evidence: each pack appends a line of JSON to a file
of its own there for each of its rules and for each resource that one looked at."""


class Scope(Enum):
    """Which stacks owe a rule."""

    EVERY_STACK = "every stack"
    PRODUCTION = "production"


class Framework(Enum):
    """Where a control comes from, by name and version."""

    FSBP = ("AWS Foundational Security Best Practices", "1.0.0")
    CIS = ("CIS AWS Foundations Benchmark", "7.0.0")
    CONTROL_TOWER = ("AWS Control Tower", "3.0")
    CHECKOV = ("Checkov", "3")


class Reference(NamedTuple):
    """A published control that asks for the same."""

    framework: Framework
    control: str


@dataclass(frozen=True)
class Setting:
    """A value of a rule that `--policy-pack-config` may change, a threshold for example."""

    name: str
    description: str
    default: Any
    schema: Mapping[str, Any]
    """JSON schema of the value, without default and description."""


class _NotYetKnownError(UnknownValueError):
    """What the SDK reports as an advisory once the rest of a rule has run."""

    def __init__(self, unknowns: Sequence[str]) -> None:
        super().__init__(UNKNOWN_STRING_VALUE, [])
        self.message = "left for the update, which checks again:\n  " + "\n  ".join(unknowns)


@dataclass(frozen=True)
class _Run:
    """One run of a rule: its settings, and where findings and unknowns go."""

    rule: "Rule"
    settings: Mapping[str, Any]
    report: ReportViolation
    unknowns: list[tuple[str, str]] = field(default_factory=list)
    """URN and text of each."""
    violations: list[tuple[str, str]] = field(default_factory=list)
    subjects: dict[str, str] = field(default_factory=dict)
    """The resources that owe the rule, with the reason of an exemption."""
    others: dict[str, str] = field(default_factory=dict)
    """Those that a rule about relations looked at beside them."""

    def exemption(self, resource: "Checked") -> str:
        """The reason why a resource owes nothing, if it is exempt; it was looked at now."""
        exemptions = self.settings[_EXEMPTIONS].items()
        matching = [reason for name, reason in exemptions if fnmatchcase(resource.name, name)]
        self.subjects[resource.urn] = matching[0] if matching else ""
        return self.subjects[resource.urn]

    def finish(self) -> None:
        for urn, reason in (self.subjects or self.others).items():
            found = [text for where, text in self.violations if where == urn]
            left = [text for where, text in self.unknowns if where == urn]
            verdict = (
                (found and "failed")
                or (left and "left for the update")
                or (reason and "exempt")
                or "passed"
            )
            details = found or left or [reason]
            self.rule.tell(urn=urn, verdict=verdict, details=[text for text in details if text])
        if self.unknowns:
            raise _NotYetKnownError([text for _, text in self.unknowns])


@dataclass(frozen=True)
class Checked:
    """A resource as a rule sees it."""

    type: str
    name: str
    urn: str
    properties: Mapping[str, Any]
    property_dependencies: Mapping[str, Sequence[PolicyResource]]
    """The resources behind each property; in stack rules only."""
    protected: bool
    """Pulumi's own option `protect`."""
    _run: _Run

    @property
    def stack_name(self) -> str:
        return _stack_of(self.urn)

    def get(self, name: str) -> Any:
        """A property, or None where there is none.

        Lists and objects are the SDK's proxies: `Sequence` and `Mapping`, not list and dict.
        """
        return self.properties.get(name)

    def setting(self, name: str) -> Any:
        return self._run.settings[name]

    def fails(self, property_name: str, *, seen: str, wanted: str) -> None:
        """Report a violation. `seen` must not quote what may be a secret."""
        message = f"{self.type} {self.name!r}: {property_name} is {seen}, wanted is {wanted}."
        self._run.violations.append((self.urn, message))
        self._run.report(f"{message} {self._run.rule.remediation}", self.urn)

    def must_be_true(self, property_name: str) -> None:
        """Report a flag that is not true, where AWS takes a missing one for false."""
        with self.unknowns_noted():
            flag = self.get(property_name)
            if flag is not True:
                self.fails(
                    property_name,
                    seen="not set, which means false" if flag is None else "false",
                    wanted="true",
                )

    def must_reach(self, property_name: str, least: float, *, unset: float) -> None:
        """Report a number below `least`, where AWS takes a missing one for `unset`."""
        with self.unknowns_noted():
            number = self.get(property_name)
            if (unset if number is None else number) < least:
                self.fails(
                    property_name,
                    seen=f"not set, which means {unset:g}" if number is None else f"{number:g}",
                    wanted=f"{least:g} or more",
                )

    @contextmanager
    def unknowns_noted(self) -> Iterator[None]:
        """Leave the block at an unknown value and say so, instead of leaving the whole rule."""
        try:
            yield
        except UnknownValueError as unknown:
            self._run.unknowns.append((self.urn, f"{self.type} {self.name!r}: {unknown.message}"))

    def refers_to(self, property_name: str, other: "Checked") -> bool:
        """Whether a property that holds one id means that resource.

        Ids decide where both are known, and dependencies where they are not yet: a property
        with one dependency of the wanted type holds its id. Anything else is unknown.
        """
        behind = {
            resource.urn
            for resource in self.property_dependencies.get(property_name, ())
            if resource.resource_type == other.type
        }
        known = False
        with suppress(UnknownValueError):
            value = self.get(property_name)
            known = True
            if value is None:
                return False
            if value in other.identities():
                return True
            if other.get("id") is not None:
                return False
        if behind == {other.urn}:
            return True
        if behind and other.urn not in behind:
            return False
        if behind or not known:
            raise unknown_value(property_name)
        return False

    def identities(self) -> set[str]:
        """In a stack rule: by what a property of another resource means this one, if known.

        Not every provider lists the id among the outputs, which are all that the engine shows,
        but the ARN of most types is one or ends with it.
        """
        found: set[str] = set()
        for name in ("id", "arn"):
            with suppress(UnknownValueError):
                if value := self.get(name):
                    found |= {value, _END_OF_ARN.split(value)[-1]}
        return found

    def holds(
        self,
        property_name: str,
        other: "Checked",
        elements: Callable[[Any], Sequence[Any]] = lambda value: value,
    ) -> bool:
        """Whether a property that holds several ids holds that resource's.

        `elements` finds the ids in the property. One that is the resource's decides. Otherwise
        only resources behind the property can be meant, and all of them if there are as many
        ids. Anything else is unknown while an id is.
        """
        behind = {
            resource.urn
            for resource in self.property_dependencies.get(property_name, ())
            if resource.resource_type == other.type
        }
        ids: Sequence[Any] = ()
        known: set[str] = set()
        all_known = False
        with suppress(UnknownValueError):
            value = self.get(property_name)
            ids = () if value is None else elements(value)
            all_known = True
        for index in range(len(ids)):
            try:
                known.add(ids[index])
            except UnknownValueError:
                all_known = False
        identities = other.identities()
        if known & identities:
            return True
        if other.urn not in behind:
            return False
        if len(ids) == len(behind):
            return True
        if identities and all_known:
            return False
        raise unknown_value(property_name)

    def given(self, name: str) -> Any:
        """In a stack rule: a property, or None where AWS will fill what nobody gave.

        Stack rules see outputs. One that is unknown with nothing behind it comes from no input;
        what AWS makes of it is seen after the update.
        """
        try:
            return self.get(name)
        except UnknownValueError:
            if self.property_dependencies.get(name):
                raise
            return None

    def was_given(self, name: str) -> bool:
        """In a stack rule: whether somebody gave a property, be its value known or not."""
        try:
            return self.given(name) is not None
        except UnknownValueError:
            return True

    def depends_on(self, property_name: str, other: "Checked") -> bool:
        """Whether a property that holds a list may contain that resource's id."""
        return any(
            resource.urn == other.urn
            for resource in self.property_dependencies.get(property_name, ())
        )


@dataclass(frozen=True)
class Stack:
    """All resources as a stack rule sees them."""

    _resources: Mapping[str, Sequence[Checked]]
    _run: _Run

    def all(self, resource_type: str) -> Sequence[Checked]:
        found = self._resources.get(resource_type, ())
        self._run.others.update({resource.urn: "" for resource in found})
        return found

    def owing(self, resource_type: str) -> Sequence[Checked]:
        """Those that no exemption spares."""
        found = self._resources.get(resource_type, ())
        return [resource for resource in found if not self._run.exemption(resource)]

    def everything_owing(self) -> Iterator[Checked]:
        """`owing` for every type."""
        for resource_type in self._resources:
            yield from self.owing(resource_type)


class ResourceRule(ResourceValidationPolicy):
    """A rule about the resources of some types, so that it need not be asked about others."""

    def __init__(self, types: frozenset[str], **declared: Any) -> None:
        super().__init__(**declared)
        self.types = types


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule, declared above its check; `policies_beside` finds it by itself.

    @Rule(name=..., ...).for_each("aws:kms/key:Key")
    def key_rotates(key: Checked) -> None:
        if ...:
            key.fails("enableKeyRotation", seen="false", wanted="true")
    """

    name: str
    description: str
    """What is demanded and why."""
    severity: Severity
    remediation: str
    """What to do; ends every message."""
    scope: Scope = Scope.EVERY_STACK
    references: tuple[Reference, ...] = ()
    """The first one becomes the policy's framework, all of them tags."""
    settings: tuple[Setting, ...] = ()
    exemptions: Mapping[str, str] = field(default_factory=dict)
    """Reason by logical name, in which `*` matches anything. This is the default of the
    setting of that name, which every rule has; a configured one takes its place."""

    def for_each(
        self, *types: str
    ) -> Callable[[Callable[[Checked], None]], ResourceValidationPolicy]:
        """A rule about the properties of one resource, checked before it is made."""

        def declare(check: Callable[[Checked], None]) -> ResourceValidationPolicy:
            def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
                if args.resource_type not in types:
                    return
                if not self._owed_in(args.urn):
                    self._tell_spared(args.urn)
                    return
                run = self._run(args.get_config(), report)
                resource = Checked(
                    args.resource_type,
                    args.name,
                    args.urn,
                    args.props,
                    {},
                    args.opts.protect,
                    run,
                )
                if not run.exemption(resource):
                    with resource.unknowns_noted():
                        check(resource)
                run.finish()

            return ResourceRule(frozenset(types), validate=validate, **self._metadata())

        return declare

    def for_stack(self) -> Callable[[Callable[[Stack], None]], StackValidationPolicy]:
        """A rule about relations; it uses `unknowns_noted` for each resource that it checks."""

        def declare(check: Callable[[Stack], None]) -> StackValidationPolicy:
            def validate(args: StackValidationArgs, report: ReportViolation) -> None:
                if not any(self._owed_in(resource.urn) for resource in args.resources):
                    for resource in args.resources:
                        if resource.resource_type == _WHOLE_STACK:
                            self._tell_spared(resource.urn)
                    return
                run = self._run(args.get_config(), report)
                resources: dict[str, list[Checked]] = {}
                for resource in args.resources:
                    resources.setdefault(resource.resource_type, []).append(
                        Checked(
                            resource.resource_type,
                            resource.name,
                            resource.urn,
                            resource.props,
                            resource.property_dependencies,
                            resource.opts.protect,
                            run,
                        )
                    )
                check(Stack(resources, run))
                run.finish()

            return StackValidationPolicy(validate=validate, **self._metadata())

        return declare

    def tell(self, **event: Any) -> None:
        """Leave evidence, where somebody asked for it; never a value of a resource."""
        if folder := os.environ.get(EVIDENCE):
            pack = Path(__file__).parent.name
            with (Path(folder) / f"{pack}.jsonl").open("a") as file:
                file.write(json.dumps({"rule": self.name, **event}) + "\n")

    def _tell_spared(self, urn: str) -> None:
        self.tell(urn=urn, verdict="not demanded in this stack", details=[])

    def _run(self, config: Mapping[str, Any], report: ReportViolation) -> _Run:
        return _Run(self, {s.name: s.default for s in self._all_settings()} | {**config}, report)

    def _owed_in(self, urn: str) -> bool:
        return self.scope is Scope.EVERY_STACK or _stack_of(urn) not in SPARED_STACKS

    def _all_settings(self) -> tuple[Setting, ...]:
        exemptions = Setting(
            _EXEMPTIONS,
            "Reason by logical name of the resource, in which * matches anything",
            dict(self.exemptions),
            {
                "type": "object",
                "additionalProperties": {"type": "string", "minLength": _SHORTEST_REASON},
            },
        )
        return (*self.settings, exemptions)

    def _metadata(self) -> dict[str, Any]:
        for name, reason in self.exemptions.items():
            if len(reason) < _SHORTEST_REASON:
                raise ValueError(f"{self.name}: the exemption of {name!r} needs a reason")
        self.tell(
            description=self.description,
            severity=self.severity.value,
            scope=self.scope.value,
            references=[[one.framework.value[0], one.control] for one in self.references],
            remediation=self.remediation,
            settings={setting.name: setting.default for setting in self._all_settings()},
        )
        first = self.references[0] if self.references else None
        return {
            "name": self.name,
            "description": self.description,
            "enforcement_level": EnforcementLevel.MANDATORY,
            "severity": self.severity,
            "remediation_steps": self.remediation,
            "tags": [self.scope.value, *(reference.control for reference in self.references)],
            "framework": first
            and PolicyComplianceFramework(
                name=first.framework.value[0],
                version=first.framework.value[1],
                reference=first.control,
            ),
            "config_schema": PolicyConfigSchema(
                {
                    setting.name: {
                        **setting.schema,
                        "default": setting.default,
                        "description": setting.description,
                    }
                    for setting in self._all_settings()
                }
            ),
        }


def unknown_value(property_name: str) -> UnknownValueError:
    """To raise where a value is there, but not decisive yet."""
    return UnknownValueError(UNKNOWN_STRING_VALUE, [property_name])


def any_of(candidates: Iterable[_Candidate], test: Callable[[_Candidate], bool]) -> bool:
    """`any`, but an unknown one raises only where no other decides."""
    undecided: UnknownValueError | None = None
    for candidate in candidates:
        try:
            if test(candidate):
                return True
        except UnknownValueError as unknown:
            undecided = unknown
    if undecided:
        raise undecided
    return False


def policies_beside(main_file: str) -> list[Policy]:
    """Every rule in the modules beside a pack's `__main__.py`.

    The engine runs a pack as a bare folder. The modules are loaded as members of a package all
    the same, since their relative imports need one.
    """
    folder = Path(main_file).parent
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[_PACKAGE] = package
    sys.modules[f"{_PACKAGE}.{Path(__file__).stem}"] = sys.modules[__name__]
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__main__")
    modules = [importlib.import_module(f"{_PACKAGE}.{name}") for name in names]
    return [
        value for module in modules for value in vars(module).values() if isinstance(value, Policy)
    ]


def _stack_of(urn: str) -> str:
    """`urn:pulumi:<stack>::<project>::<types>::<name>`."""
    return urn.split("::", 1)[0].rsplit(":", 1)[-1]
