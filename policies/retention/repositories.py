"""How long repositories keep images."""

from typing import Final

from pulumi_policy import Severity

from .kinds import names
from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_LIFECYCLE: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"


@Rule(
    name="repository-lifecycle",
    description="Repositories say which images they keep: every build adds one, for ever.",
    severity=Severity.LOW,
    references=(Reference(Framework.FSBP, "ECR.3"),),
    remediation="Add an aws.ecr.LifecyclePolicy.",
).for_stack()
def repository_lifecycle(stack: Stack) -> None:
    for repository in stack.owing("aws:ecr/repository:Repository"):
        with repository.unknowns_noted():
            if not _has_lifecycle(repository, stack):
                repository.fails("lifecycle policy", seen="missing", wanted="one")


def _has_lifecycle(repository: Checked, stack: Stack) -> bool:
    return any_of(stack.all(_LIFECYCLE), lambda policy: names(policy, "repository", repository))
