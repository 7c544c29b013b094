"""What every rule about one resource is tested for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy import ResourceValidationPolicy

from tests.policies.harness import PRODUCTION, STAGING, UNKNOWN, UNLISTED, Outcome, check


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
    in_staging: bool = True

    def __str__(self) -> str:
        return f"{self.policy.name}-{self.type.split(':', 1)[-1]}"

    def verify(self) -> None:
        for stack in (STAGING, PRODUCTION, UNLISTED):
            for changes in ({}, *self.also_good):
                outcome = self._run(changes, stack=stack)
                assert outcome.passed, (changes, outcome)
            for changes, said in self.bad:
                outcome = self._run(changes, stack=stack)
                if stack != STAGING or self.in_staging:
                    assert outcome.failed == ["it"], changes
                    assert f"{self.type} 'it': " in outcome.messages
                    assert said in outcome.messages
                    assert str(self.policy.remediation_steps) in outcome.messages
                else:
                    assert outcome.passed, changes
        for changes in self.undecided or [{name: UNKNOWN} for name in self.good]:
            outcome = self._run(changes)
            assert not outcome.failed, changes
            assert "'it'" in outcome.advisory, changes
            assert all(name in outcome.advisory for name, v in changes.items() if v == UNKNOWN)
        exemptions = {"it": "Goes with the old platform, ticket 12"}
        for changes, _ in self.bad:
            assert self._run(changes, config={"exemptions": exemptions}).passed, changes
            assert self._run(changes, kind="aws:other/thing:Thing").passed, changes

    def _run(self, changes: Mapping[str, Any], kind: str = "", **how: Any) -> Outcome:
        properties = {k: v for k, v in {**self.good, **changes}.items() if v is not None}
        return check(self.policy, kind or self.type, properties, **how)
