"""Pulumi property values as plain Python, with unknowns kept and whole numbers as `int`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import (
    Computed,
    PropertyValue,
    PropertyValueType,
    ResourceReference,
)

Properties = dict[str, Any]


class Unknown:
    """The value of an output that has no value yet; there is one, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


def plain(value: PropertyValue) -> Any:
    if value.type is PropertyValueType.COMPUTED:
        return UNKNOWN
    inner = value.value
    if isinstance(inner, ResourceReference):
        return inner.urn
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def property_value(value: Any) -> PropertyValue:
    if isinstance(value, Unknown):
        return PropertyValue(Computed())
    if isinstance(value, Mapping):
        return PropertyValue({str(key): property_value(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([property_value(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def has_unknown(value: Any) -> bool:
    return any(isinstance(leaf, Unknown) for leaf in leaves(value))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value
