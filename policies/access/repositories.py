"""Repositories of container images."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import Severity

from .rule import Checked, Framework, Reference, Rule, Stack, any_of

_REPOSITORY: Final = "aws:ecr/repository:Repository"
_REGISTRY: Final = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
_ON_PUSH: Final = ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")


@Rule(
    name="repository-immutable-tags",
    description=(
        "A tag of a repository means one image for ever: else what was tested is not what runs,"
        " and going back is no way back."
    ),
    severity=Severity.MEDIUM,
    references=(
        Reference(Framework.FSBP, "ECR.2"),
        Reference(Framework.CHECKOV, "CKV_AWS_51"),
    ),
    remediation="Set imageTagMutability to IMMUTABLE.",
).for_each(_REPOSITORY)
def repository_immutable_tags(repository: Checked) -> None:
    mutability = repository.get("imageTagMutability")
    if mutability != "IMMUTABLE":
        repository.fails(
            "imageTagMutability", seen=str(mutability or "not set"), wanted="IMMUTABLE"
        )


@Rule(
    name="repository-scanned",
    description="Images are searched for known vulnerabilities when they are pushed.",
    severity=Severity.HIGH,
    references=(
        Reference(Framework.FSBP, "ECR.1"),
        Reference(Framework.CHECKOV, "CKV_AWS_163"),
    ),
    remediation=(
        "Set imageScanningConfiguration.scanOnPush to true, or cover the repository with an"
        " aws.ecr.RegistryScanningConfiguration."
    ),
).for_stack()
def repository_scanned(stack: Stack) -> None:
    for repository in stack.owing(_REPOSITORY):
        with repository.unknowns_noted():
            scanning = repository.get("imageScanningConfiguration") or {}
            if scanning.get("scanOnPush") is not True and not _is_scanned(repository, stack):
                repository.fails(
                    "imageScanningConfiguration.scanOnPush", seen="not true", wanted="true"
                )


def _is_scanned(repository: Checked, stack: Stack) -> bool:
    return any_of(stack.all(_REGISTRY), lambda registry: _scans(registry, repository))


def _scans(registry: Checked, repository: Checked) -> bool:
    name = str(repository.get("name"))
    return any(
        rule.get("scanFrequency") in _ON_PUSH
        and any(_matches(name, filtered) for filtered in rule.get("repositoryFilters") or ())
        for rule in registry.get("rules") or ()
    )


def _matches(name: str, filtered: Mapping[str, Any]) -> bool:
    """ECR user guide, "Filters to choose which repositories are scanned"."""
    wanted = str(filtered.get("filter"))
    return fnmatchcase(name, wanted) if "*" in wanted else wanted in name
