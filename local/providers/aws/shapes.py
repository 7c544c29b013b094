"""The one conversion between Pulumi properties and botocore's shapes, in both directions."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.providers.aws.names import camel, find_name

Renames = Mapping[str, str]

# CloudFront counts its lists: {"Quantity": 1, "Items": ["a"]}
_COUNTED: Final = {"Quantity", "Items"}


def to_shape(value: Any, shape: Shape, renames: Renames) -> Any:
    """`value` as botocore wants it for `shape`.

    Raises:
        LookupError: a key that the shape does not have; silently dropping it would claim to have
            created what the emulator has not.
    """
    if isinstance(shape, StructureShape):
        return _to_structure(value, shape, renames)
    if isinstance(shape, ListShape):
        values = value if isinstance(value, list) else [value]
        return [to_shape(item, shape.member, renames) for item in values]
    if isinstance(shape, MapShape):
        return {key: to_shape(item, shape.value, renames) for key, item in value.items()}
    return _to_scalar(value, shape.type_name)


def _to_structure(value: Any, shape: StructureShape, renames: Renames) -> dict[str, Any]:
    if isinstance(value, list) and shape.members.keys() >= _COUNTED:
        items = to_shape(value, shape.members["Items"], renames)
        return {"Quantity": len(items), **({"Items": items} if items else {})}
    if not isinstance(value, Mapping):
        # EC2 wraps single attributes: MapPublicIpOnLaunch={"Value": True}
        member = shape.members.get("Value")
        if member is None:
            raise LookupError(f"{shape.name} wants a structure")
        return {"Value": to_shape(value, member, renames)}
    result = {}
    for key, item in value.items():
        name = find_name(key, shape.members, renames)
        if name is None:
            raise LookupError(f"{shape.name} has no member for {key}")
        result[name] = to_shape(item, shape.members[name], renames)
    return result


def _to_scalar(value: Any, type_name: str) -> Any:
    if type_name == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if type_name in ("integer", "long"):
        return int(value)
    if type_name in ("float", "double"):
        return float(value)
    if type_name == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value


def from_shape(value: Any, like: Any = None, renames: Renames | None = None) -> Any:
    """What an API answered, as a Pulumi property.

    `like` is the value that the program gave, if it gave one: its keys, its spelling of a JSON
    document and its order of a set are kept where they mean the same.
    """
    renames = renames or {}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(like, str) and is_json(like):
        text = value if isinstance(value, str) else json.dumps(value)
        return like if same_json(like, text) else text
    if isinstance(value, Mapping):
        if "Quantity" in value and (isinstance(like, list) or value.keys() <= _COUNTED):
            return from_shape(value.get("Items") or [], like, renames)
        if set(value) == {"Value"} and not isinstance(like, Mapping):
            return value["Value"]
        if isinstance(like, Mapping):
            return _from_structure(value, like, renames)
        return {camel(key): from_shape(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return _from_list(list(value), like, renames)
    return value


def _from_structure(
    value: Mapping[str, Any], like: Mapping[str, Any], renames: Renames
) -> dict[str, Any]:
    result = {}
    for key, sample in like.items():
        name = find_name(key, value, renames)
        if name is not None:
            result[key] = from_shape(value[name], sample, renames)
    return result


def _from_list(values: list[Any], like: Any, renames: Renames) -> list[Any]:
    samples = like if isinstance(like, list) else []
    result = [
        from_shape(item, samples[i] if i < len(samples) else None, renames)
        for i, item in enumerate(values)
    ]
    if same_set(result, samples):
        return samples
    return result


def same_set(left: list[Any], right: list[Any]) -> bool:
    """AWS's lists are mostly sets: neither their order nor that of keys in them means anything."""
    return sorted(map(_canonical, left)) == sorted(map(_canonical, right))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[") and _loads(text) is not None


def same_json(left: str, right: str) -> bool:
    return bool(_loads(left) == _loads(right))


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
