"""What every rule is asked: to pass, to fail where it is owed, to wait, and to be exempted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi_policy import ResourceValidationPolicy, StackValidationPolicy

from tests.policies.harness import (
    PRODUCTION,
    STAGING,
    UNKNOWN,
    UNLISTED,
    Given,
    check,
    check_stack,
)

_REASON: Final = "Agreed with security, ticket 12"
_EVERY_STACK: Final = (STAGING, PRODUCTION, UNLISTED)
_NO_TYPE_OF_A_RULE: Final = "aws:other/thing:Thing"


def passes(
    policy: ResourceValidationPolicy, kind: str, properties: Mapping[str, Any], **options: Any
) -> None:
    """In every stack."""
    for stack in _EVERY_STACK:
        outcome = check(policy, kind, properties, stack=stack, **options)
        assert outcome.passed, (properties, outcome)


def fails(
    policy: ResourceValidationPolicy,
    kind: str,
    properties: Mapping[str, Any],
    *said: str,
    spared_in_staging: bool = False,
    times: int = 1,
) -> None:
    """In every stack that owes the rule, with a message, unless it is exempted."""
    said = (f"{kind} 'it': ", str(policy.remediation_steps), *said)
    for stack in _EVERY_STACK:
        outcome = check(policy, kind, properties, stack=stack)
        if spared_in_staging and stack == STAGING:
            assert outcome.passed, (properties, outcome)
        else:
            assert outcome.failed == ["it"] * times, (properties, outcome)
            assert all(part in outcome.messages for part in said), (said, outcome.messages)
    assert check(policy, kind, properties, config={"exemptions": {"it": _REASON}}).passed
    assert check(policy, _NO_TYPE_OF_A_RULE, properties).passed


def waits(
    policy: ResourceValidationPolicy, kind: str, properties: Mapping[str, Any], *said: str
) -> None:
    """For values that a preview does not know, and says so."""
    outcome = check(policy, kind, properties)
    assert not outcome.failed, (properties, outcome.messages)
    assert all(part in outcome.advisory for part in ("'it'", *said)), (properties, outcome)


@dataclass(frozen=True)
class Case:
    """A resource that passes a rule, and changes of it; a change to None removes a property."""

    policy: ResourceValidationPolicy
    type: str
    good: Mapping[str, Any]
    bad: Sequence[tuple[Mapping[str, Any], str]]
    """Changes that fail, with what the message says of them."""
    also_good: Sequence[Mapping[str, Any]] = ()
    undecided: Sequence[Mapping[str, Any]] = ()
    """Changes to something unknown that leave the rule for the update; otherwise each of the
    good properties in turn."""
    spared_in_staging: bool = False

    def __str__(self) -> str:
        return f"{self.policy.name}-{self.type.split(':', 1)[-1]}"

    def verify(self) -> None:
        for changes in ({}, *self.also_good):
            passes(self.policy, self.type, self._changed(changes))
        for changes, said in self.bad:
            fails(
                *(self.policy, self.type, self._changed(changes), said),
                spared_in_staging=self.spared_in_staging,
            )
        for changes in self.undecided or [{name: UNKNOWN} for name in self.good]:
            unknown = [name for name, value in changes.items() if value == UNKNOWN]
            waits(self.policy, self.type, self._changed(changes), *unknown)

    def _changed(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in {**self.good, **changes}.items() if v is not None}


def stack_passes(policy: StackValidationPolicy, *given: Given, **options: Any) -> None:
    for stack in _EVERY_STACK:
        outcome = check_stack(policy, given, stack=stack, **options)
        assert outcome.passed, (outcome.messages, outcome.advisory)


def stack_fails(
    policy: StackValidationPolicy,
    given: Sequence[Given],
    failed: Sequence[str],
    *said: str,
    spared_in_staging: bool = False,
    exempt: str = "",
) -> None:
    """`exempt` is the resource that owes the rule, where it is not the first that fails."""
    for stack in _EVERY_STACK:
        outcome = check_stack(policy, given, stack=stack)
        owed = not (spared_in_staging and stack == STAGING)
        assert outcome.failed == (list(failed) if owed else []), outcome.messages
        assert not owed or all(part in outcome.messages for part in said), outcome.messages
    config = {"exemptions": {exempt or failed[0]: _REASON}}
    spared = set(check_stack(policy, given, config=config).failed)
    assert spared < set(failed)


def stack_waits(policy: StackValidationPolicy, *given: Given, said: str = "") -> None:
    outcome = check_stack(policy, given)
    assert not outcome.failed, outcome.messages
    assert said in outcome.advisory
    assert outcome.advisory
