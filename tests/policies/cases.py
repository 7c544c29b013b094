"""What every rule is asked: to pass, to fail where it is owed, to wait, and to be exempted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_policy import ResourceValidationPolicy, StackValidationPolicy

from tests.policies.harness import PRODUCTION, STAGING, UNLISTED, Given, check, check_stack

_REASON: Final = "Agreed with security, ticket 12"
_EVERY_STACK: Final = (STAGING, PRODUCTION, UNLISTED)


def passes(
    policy: ResourceValidationPolicy, kind: str, properties: Mapping[str, Any], **options: Any
) -> None:
    """In every stack."""
    for stack in _EVERY_STACK:
        outcome = check(policy, kind, properties, stack=stack, **options)
        assert outcome.passed, (outcome.messages, outcome.advisory)


def fails(
    policy: ResourceValidationPolicy,
    kind: str,
    properties: Mapping[str, Any],
    *said: str,
    spared_in_staging: bool = False,
    times: int = 1,
) -> None:
    """In every stack that owes the rule, with a message, unless it is exempted."""
    for stack in _EVERY_STACK:
        outcome = check(policy, kind, properties, stack=stack)
        owed = not (spared_in_staging and stack == STAGING)
        assert outcome.failed == ["it"] * (times if owed else 0), outcome.messages
        assert not owed or all(part in outcome.messages for part in said), outcome.messages
    assert check(policy, kind, properties, config={"exemptions": {"it": _REASON}}).passed


def waits(
    policy: ResourceValidationPolicy, kind: str, properties: Mapping[str, Any], *said: str
) -> None:
    """For values that a preview does not know, and says so."""
    outcome = check(policy, kind, properties)
    assert not outcome.failed, outcome.messages
    assert outcome.advisory
    assert all(part in outcome.advisory for part in said), outcome.advisory


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
