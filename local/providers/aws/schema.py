"""AWS's own facts about a resource type, from the CloudFormation schemas that cfn-lint ships.

`refusals` runs cfn-lint itself on a template of one resource: enums, patterns, ranges, lengths,
required properties, deprecated versions and IAM action names, as AWS publishes them (about 8 ms).
"""

import difflib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from cfnlint.api import run_template_by_data
from cfnlint.config import ConfigMixIn
from cfnlint.core import get_rules
from cfnlint.decode.decode import decode_str
from cfnlint.rules import RulesCollection
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local.providers.aws.names import camel, find_name
from local.providers.aws.values import Properties, Unknown, has_unknown

# CloudFormation's own reference is how cfn-lint knows that a value comes later.
_UNKNOWN_REFERENCE = {"Ref": "Unknown"}

# Warnings to cfn-lint and refusals to AWS: IAM actions that do not exist, and engine versions with
# which no new database instance can be made.
_RULES = ["E", "W3037", "W3691"]

# A rule that looks at several properties names none; the one that is to be changed.
_SUBJECTS = {"W3691": ["EngineVersion"]}

_LONGEST_LIST = 200

# cfn-lint's caches are not made for threads.
_lock = threading.Lock()


@cache
def _rules() -> RulesCollection:
    return get_rules([], [], _RULES)


@cache
def _schema(cloudformation_type: str, region: str) -> dict[str, Any]:
    with _lock:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, cloudformation_type).schema
    return dict(schema)


def replacing_properties(
    cloudformation_type: str, region: str, names: frozenset[str], renames: Mapping[str, str]
) -> frozenset[str]:
    """The Pulumi properties whose change makes AWS replace the resource."""
    create_only = {
        path.split("/")[2]
        for path in _schema(cloudformation_type, region).get("createOnlyProperties", [])
        if path.count("/") == 2
    }
    noun = cloudformation_type.split("::")[-1]
    return frozenset(name for name in names if find_name(name, create_only, renames, noun))


def refusals(
    cloudformation_type: str,
    region: str,
    properties: Properties,
    renames: Mapping[str, str],
    constants: Mapping[str, Any],
    whole: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Why AWS would refuse these properties: pairs of Pulumi property and AWS's reason.

    With `whole`, a schema that has such a property holds the others in it.
    """
    schema = _schema(cloudformation_type, region)
    wrap = whole if whole in schema["properties"] else None
    given: dict[str, str] = {}
    if wrap is not None:
        outside = {name: properties[name] for name in ("tags",) if name in properties}
        inner = _resolve(schema["properties"][wrap], schema)["properties"]
        inside = {k: v for k, v in properties.items() if find_name(k, inner, renames)}
        given = {str(find_name(key, inner, renames)): key for key in inside}
        properties = {**outside, wrap: inside}
    converted, origins = _convert(properties, schema, renames, cloudformation_type.split("::")[-1])
    unknowns: list[str] = []
    distinct = _tell_unknowns_apart({**constants, **converted}, unknowns)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {name: {"Type": "String"} for name in ["Unknown", *unknowns]},
        "Resources": {"R": {"Type": cloudformation_type, "Properties": distinct}},
    }
    with _lock:
        decoded, _ = decode_str(json.dumps(template))
        matches = list(run_template_by_data(decoded, ConfigMixIn(regions=[region]), _rules()))
    seen: set[tuple[str, str]] = set()
    for match in matches:
        path = [str(step) for step in match.path or []][3:] or _SUBJECTS.get(match.rule.id, [])
        property_name = origins.get(path[0], path[0]) if path else ""
        if path and has_unknown(properties.get(property_name)) and _at_unknown(converted, path):
            continue
        where = [property_name, *path[1:]]
        if property_name == wrap:
            where = [given.get(step, camel(step)) for step in path[1:2]] + path[2:]
        refusal = (".".join(where), _short(match.message))
        if path[:1] and refusal in seen:
            continue
        seen.add(refusal)
        if match.rule.id[0] == "E" or match.rule.id in _RULES:
            yield refusal


def _tell_unknowns_apart(node: Any, names: list[str]) -> Any:
    """Each unknown under a name of its own, or two in a list of unique items would be one twice."""
    if node == _UNKNOWN_REFERENCE:
        names.append(f"Unknown{len(names)}")
        return {"Ref": names[-1]}
    if isinstance(node, dict):
        return {key: _tell_unknowns_apart(item, names) for key, item in node.items()}
    if isinstance(node, list):
        return [_tell_unknowns_apart(item, names) for item in node]
    return node


def _at_unknown(converted: Any, path: list[str]) -> bool:
    node = converted
    for step in path:
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, dict):
            node = node.get(step)
        if node == _UNKNOWN_REFERENCE:
            return True
    return False


def _convert(
    properties: Properties, schema: dict[str, Any], renames: Mapping[str, str], noun: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Properties under CloudFormation's names, and the way back. What it does not know is left."""
    converted: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, value in properties.items():
        name = find_name(key, schema["properties"], renames, noun)
        if name is None or value is None:
            continue
        pairs = _resolve(schema["properties"][name], schema).get("type") == "array"
        if name.endswith("Tags") and pairs and isinstance(value, dict):
            converted[name] = [{"Key": k, "Value": _scalars(v)} for k, v in value.items()]
        else:
            converted[name] = _value(value, schema["properties"][name], schema, renames)
        origins[name] = key
    return converted, origins


def _value(value: Any, node: Any, root: dict[str, Any], renames: Mapping[str, str]) -> Any:
    if isinstance(value, Unknown):
        return _UNKNOWN_REFERENCE
    node = _resolve(node, root)
    types = node.get("type", [])
    types = types if isinstance(types, list) else [types]
    if isinstance(value, str) and "object" in types:
        # A policy that is no JSON is left as it is: the schema then says that it is no object.
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, list):
        return [_value(item, node.get("items", {}), root, renames) for item in value]
    if isinstance(value, dict) and "patternProperties" in node:
        (inner, *_) = node["patternProperties"].values()
        return {key: _value(item, inner, root, renames) for key, item in value.items()}
    if isinstance(value, dict) and "properties" in node:
        names = {key: find_name(key, node["properties"], renames) for key in value}
        return {
            names[key] or key[:1].upper() + key[1:]: _value(
                item, node["properties"].get(names[key], {}), root, renames
            )
            for key, item in value.items()
        }
    return _scalars(value)


def _scalars(value: Any) -> Any:
    if isinstance(value, Unknown):
        return _UNKNOWN_REFERENCE
    if isinstance(value, dict):
        return {key: _scalars(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scalars(item) for item in value]
    return value


def _resolve(node: Any, root: dict[str, Any]) -> dict[str, Any]:
    while isinstance(node, dict) and "$ref" in node:
        target: Any = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target.get(step, {})
        node = target
    return node if isinstance(node, dict) else {}


def _short(message: str) -> str:
    """The message with a value of hundreds of letters, or as many allowed values, cut."""
    message = re.sub(r"'([^']{60})[^']{60,}([^']{10})'", r"'\1…\2'", message)
    found = re.fullmatch(
        r"(?P<what>.*?) is not one of (?P<allowed>\[.*\])(?: in '.*')?", message, re.DOTALL
    )
    if found is None or len(found["allowed"]) <= _LONGEST_LIST:
        return message
    allowed = re.findall(r"'([^']*)'", found["allowed"])
    near = difflib.get_close_matches(found["what"].strip("'"), allowed, n=3, cutoff=0.5)
    hint = f"; the nearest are {', '.join(near)}" if near else ""
    return f"{found['what']} is not one of the {len(allowed)} names that AWS knows here{hint}"
