"""Serves a pack to the engine; each rule is asked only about the resources that concern it.

The SDK (pulumi-policy 1.21, `pulumi_policy/policy.py`) builds a resource's properties anew for each
rule of the pack, whatever the rule's types, and those of the whole stack for each stack rule. With
a hundred rules and a few hundred resources that was four fifths of what the packs cost a preview.
Here the SDK's own servicer still runs every rule, reports and configures it, but one of them for
each type, with that type's rules alone; and the resources of a stack are built once for all stack
rules. A test compares the answers with those of the SDK's single servicer, byte by byte.

The SDK has no public way to this, so the pinned version's servicer is replaced: another version
whose servicer is otherwise is noticed by the tests.
"""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any, Final

from pulumi.runtime import proto
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import policy as sdk

_SdkAnalyzer = sdk._PolicyAnalyzerServicer
_RESOURCES: Final[ContextVar[list[PolicyResource]]] = ContextVar("resources")


def serve(name: str, policies: Sequence[Policy]) -> None:
    """Serve a pack of this name; it does not return."""
    sdk._PolicyAnalyzerServicer = Analyzer  # type: ignore[misc, assignment]
    PolicyPack(name, list(policies), EnforcementLevel.MANDATORY)


class _StackRule(StackValidationPolicy):
    """A stack rule that sees resources which were built before."""

    def __init__(self, rule: StackValidationPolicy) -> None:
        super().__init__(
            rule.name,
            rule.description,
            enforcement_level=rule.enforcement_level,
            severity=rule.severity,
        )
        self._rule = rule

    def validate(self, args: StackValidationArgs, report_violation: ReportViolation) -> Any:
        whole = StackValidationArgs(_RESOURCES.get(), args.get_config(), args.stack_tags)
        return self._rule.validate(whole, report_violation)


class Analyzer(_SdkAnalyzer):
    """The SDK's servicer, in parts: one for each type, and one for the stack rules."""

    def __init__(self, name: str, version: str, policies: list[Policy], *rest: Any) -> None:
        super().__init__(name, version, policies, *rest)

        def part(rules: Iterable[Policy]) -> Any:
            some = list(rules)
            return _SdkAnalyzer(name, version, some, *rest) if some else None

        types = {each for rule in policies for each in _types(rule) or ()}
        self._of_type = {
            each: part(rule for rule in policies if each in (_types(rule) or types))
            for each in types
        }
        self._of_others = part(rule for rule in policies if _types(rule) is None)
        self._of_stack = part(
            _StackRule(rule) for rule in policies if isinstance(rule, StackValidationPolicy)
        )

    def _parts(self) -> list[Any]:
        every = (*self._of_type.values(), self._of_others, self._of_stack)
        return [part for part in every if part]

    def Configure(self, request: Any, context: Any) -> Any:
        for part in self._parts():
            part.Configure(request, context)
        return super().Configure(request, context)  # type: ignore[no-untyped-call]

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        for part in self._parts():
            part.ConfigureStack(request, context)
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:
        part = self._of_type.get(request.type, self._of_others)
        return part.Analyze(request, context) if part else proto.AnalyzeResponse()

    def AnalyzeStack(self, request: Any, context: Any) -> Any:
        if not self._of_stack:
            return proto.AnalyzeResponse()
        token = _RESOURCES.set(_built(request, context))
        try:
            # Without resources the SDK has none to build for each rule.
            return self._of_stack.AnalyzeStack(proto.AnalyzeStackRequest(), context)
        finally:
            _RESOURCES.reset(token)


def _types(rule: Policy) -> frozenset[str] | None:
    """What a rule is about; `None` of a stack rule, and of one that `Rule` did not declare."""
    return getattr(rule, "types", None)


def _built(request: Any, context: Any) -> list[PolicyResource]:
    """The resources of a stack, with parents and dependencies, as the SDK builds them."""
    built: list[PolicyResource] = []
    take = StackValidationPolicy("take", "take", lambda args, _: built.extend(args.resources))
    builder: Any = _SdkAnalyzer("take", "0", [take], EnforcementLevel.MANDATORY)
    builder.AnalyzeStack(request, context)
    return built
