"""Pulumi property values as plain Python, with unknowns kept and whole numbers as `int`.

The engine is told not to send secrets as such (`acceptSecrets`): it then marks the outputs itself
whose inputs were secret. The SDK's own conversion cannot marshal an unknown (pulumi 3.272).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_ON_THE_WIRE

Properties = dict[str, Any]


class Unknown:
    """The value of an output that has no value yet; there is one, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


def unmarshal(struct: struct_pb2.Struct) -> Properties:
    return {key: _plain(value) for key, value in json_format.MessageToDict(struct).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == UNKNOWN_ON_THE_WIRE else value


def marshal(properties: Properties) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update({key: _wire(item) for key, item in properties.items() if item is not None})
    return struct


def _wire(value: Any) -> Any:
    if isinstance(value, Unknown):
        return UNKNOWN_ON_THE_WIRE
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    return value


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


def dicts(value: Any) -> list[dict[str, Any]]:
    """The structures of a list; none of one that is not known yet."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
