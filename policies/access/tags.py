"""Tags, which say whose a resource is, what it belongs to and what makes it."""

from collections.abc import Mapping
from typing import Any, Final

from pulumi_policy import Severity
from pulumi_policy.proxy import UnknownValueError

from .rule import Checked, Rule, Setting, Stack

_ENVIRONMENT: Final = "Environment"


@Rule(
    name="tags-present",
    description=(
        "What can be tagged says its environment, its owner and what manages it: costs, clean-ups"
        " and incidents start with that question."
    ),
    severity=Severity.LOW,
    settings=(
        Setting(
            "tags",
            "Tags that everything has",
            [_ENVIRONMENT, "Owner", "ManagedBy"],
            {"type": "array", "items": {"type": "string"}},
        ),
    ),
    remediation=(
        "Set the provider's defaultTags; resources of other packages need that provider too."
    ),
).for_stack()
def tags_present(stack: Stack) -> None:
    for resource in stack.everything_owing():
        with resource.unknowns_noted():
            tags = _tags(resource)
            if tags is None:
                continue
            missing = [name for name in resource.setting("tags") if not tags.get(name)]
            if missing:
                resource.fails("tags", seen=f"without {', '.join(missing)}", wanted="all of them")


@Rule(
    name="tag-environment",
    description=(
        "The tag Environment is the name of the stack: a resource that says production and belongs"
        " to staging is backed up, billed and deleted as what it is not."
    ),
    severity=Severity.MEDIUM,
    settings=(
        Setting(
            "environments",
            "Environment by name of the stack, where they differ; by default the stack that takes"
            " over when production's region is lost",
            {"production-melbourne": "production"},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
    ),
    remediation="Take the tag from the provider's defaultTags.",
).for_stack()
def tag_environment(stack: Stack) -> None:
    for resource in stack.everything_owing():
        with resource.unknowns_noted():
            found = (_tags(resource) or {}).get(_ENVIRONMENT)
            stack_name = resource.stack_name
            wanted = resource.setting("environments").get(stack_name, stack_name)
            if found and found != wanted:
                resource.fails(f"tags.{_ENVIRONMENT}", seen=str(found), wanted=str(wanted))


def _tags(resource: Checked) -> Mapping[str, Any] | None:
    """All tags, with the provider's; None where AWS has none for the type.

    A type with tags has `tagsAll` among its outputs. Where it is not known yet, the inputs tell,
    into which pulumi-aws merges the provider's.
    """
    if "tagsAll" not in set(resource.properties):
        return None
    tags: Mapping[str, Any] | None
    try:
        tags = resource.get("tagsAll")
    except UnknownValueError:
        tags = resource.get("tags")
        if not tags:
            raise
    return tags or {}
