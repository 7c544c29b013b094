"""What the pulumi-aws SDK itself says of a resource type: inputs, outputs, what is computed."""

import importlib
import keyword
import threading
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

# The SDK imports its modules lazily; a second thread would see one half filled.
_importing = threading.Lock()


@dataclass(frozen=True)
class TypeFacts:
    """Pulumi property names of one resource type.

    `computed` are the outputs that always have a value after creation, each with its empty value:
    before it they are unknown unless the program sets them. A merely optional one stays absent, as
    does one of a nested type, which has no empty value.
    """

    inputs: frozenset[str]
    outputs: frozenset[str]
    computed: Mapping[str, Any]


@cache
def type_facts(token: str) -> TypeFacts:
    """Facts for a token such as `aws:ec2/subnet:Subnet`.

    Raises:
        LookupError: the SDK has no such type.
    """
    _, module_path, class_name = token.split(":")
    namespace = module_path.split("/")[0]
    namespace += "_" if keyword.iskeyword(namespace) else ""
    try:
        with _importing:
            module = importlib.import_module(f"pulumi_aws.{namespace}")
            resource = getattr(module, class_name)
            # Where a nested type of another resource has the usual name already.
            special = getattr(module, f"{class_name}InitArgs", None)
            arguments = special or getattr(module, f"{class_name}Args")
    except (ImportError, AttributeError) as error:
        raise LookupError(f"pulumi-aws has no resource type {token}") from error
    outputs = _properties(resource)
    return TypeFacts(
        inputs=frozenset(_properties(arguments)),
        outputs=frozenset(outputs),
        computed={
            name: _empty(hint)
            for name, hint in outputs.items()
            if not _optional(hint) and _empty(hint) is not None
        },
    )


def _properties(owner: type) -> dict[str, object]:
    getters = [member.fget for member in vars(owner).values() if isinstance(member, property)]
    return {
        getter._pulumi_name: getter.__annotations__["return"]
        for getter in getters
        if getter is not None and hasattr(getter, "_pulumi_name")
    }


def _inner(hint: object) -> object:
    (inner,) = typing.get_args(hint) or (hint,)
    return inner


def _optional(hint: object) -> bool:
    inner = _inner(hint)
    is_union = typing.get_origin(inner) in (typing.Union, types.UnionType)
    return is_union and type(None) in typing.get_args(inner)


def _empty(hint: object) -> Any:
    """The bridge's empty value of a scalar or a collection; a nested type has none."""
    inner = _inner(hint)
    kind = typing.get_origin(inner) or inner
    if kind in (str, bool, int, float):
        return kind()
    empty_collections: dict[Any, Any] = {Sequence: [], Mapping: {}}
    return empty_collections.get(kind)
