"""The data sources (`aws.get_…`) that the program uses, by token."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.providers.aws import functions_edge
from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties

Function = Callable[[Api, Properties], Properties]

_POLICY_VERSION: Final = "2012-10-17"


def availability_zones(api: Api, arguments: Properties) -> Properties:
    unsupported = arguments.keys() - {"state", "region"}
    if unsupported:
        raise ApiError(f"getAvailabilityZones here knows no {', '.join(sorted(unsupported))}")
    state = arguments.get("state", "available")
    zones = api.call("ec2", Call("describe_availability_zones"), {})["AvailabilityZones"]
    wanted = sorted(
        (zone for zone in zones if zone["State"] == state), key=lambda zone: str(zone["ZoneName"])
    )
    return {
        "id": api.region,
        "region": api.region,
        "names": [zone["ZoneName"] for zone in wanted],
        "zoneIds": [zone["ZoneId"] for zone in wanted],
        "groupNames": [api.region],
        "state": state,
    }


def caller_identity(api: Api, _: Properties) -> Properties:
    answer = api.call("sts", Call("get_caller_identity"), {})
    return {
        "id": answer["Account"],
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
    }


def region(api: Api, _: Properties) -> Properties:
    return {
        "id": api.region,
        "name": api.region,
        "region": api.region,
        "endpoint": f"ec2.{api.region}.amazonaws.com",
        "description": api.region,
    }


def partition(api: Api, _: Properties) -> Properties:
    metadata = api.client("ec2").meta
    name = metadata.partition
    return {
        "id": name,
        "partition": name,
        "dnsSuffix": "amazonaws.com.cn" if name == "aws-cn" else "amazonaws.com",
        "reverseDnsPrefix": "cn.com.amazonaws" if name == "aws-cn" else "com.amazonaws",
    }


def policy_document(_: Api, arguments: Properties) -> Properties:
    """`aws.iam.get_policy_document`, in the layout that the real data source prints."""
    unsupported = arguments.keys() - {"statements", "version", "policyId"}
    if unsupported:
        raise ApiError(f"getPolicyDocument here knows no {', '.join(sorted(unsupported))}")
    document: dict[str, Any] = {"Version": arguments.get("version", _POLICY_VERSION)}
    if "policyId" in arguments:
        document["Id"] = arguments["policyId"]
    document["Statement"] = [_statement(item) for item in arguments.get("statements", [])]
    return {
        "id": "policy-document",
        "version": document["Version"],
        "json": json.dumps(document, indent=2),
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect", "Allow")
    for key, name in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if given.get(key):
            statement[name] = _one_or_sorted(given[key])
    for key, name in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(key):
            statement[name] = _principals(given[key])
    for condition in given.get("conditions", []):
        tests = statement.setdefault("Condition", {}).setdefault(condition["test"], {})
        tests[condition["variable"]] = _one_or_sorted(condition["values"])
    return statement


def _principals(given: list[Mapping[str, Any]]) -> Any:
    if any(item["type"] == "*" for item in given):
        return "*"
    by_type: dict[str, list[str]] = {}
    for item in given:
        by_type.setdefault(item["type"], []).extend(item["identifiers"])
    return {kind: _one_or_sorted(identifiers) for kind, identifiers in sorted(by_type.items())}


def _one_or_sorted(values: list[str]) -> str | list[str]:
    ordered = sorted(set(values), reverse=True)
    return ordered[0] if len(ordered) == 1 else ordered


def parameters_by_path(api: Api, arguments: Properties) -> Properties:
    """The parameters right under a path, or all below it; none is an answer, not an error."""
    asked = {
        "Path": arguments["path"],
        "Recursive": arguments.get("recursive", False),
        "WithDecryption": arguments.get("withDecryption", True),
    }
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        answer = api.call("ssm", Call("get_parameters_by_path"), {}, {**asked, **more})
        found += answer["Parameters"]
        if not answer.get("NextToken"):
            break
        more = {"NextToken": answer["NextToken"]}
    return {
        "id": asked["Path"],
        "region": api.region,
        "path": asked["Path"],
        "recursive": asked["Recursive"],
        "withDecryption": asked["WithDecryption"],
        "arns": [one["ARN"] for one in found],
        "names": [one["Name"] for one in found],
        "types": [one["Type"] for one in found],
        "values": [one["Value"] for one in found],
    }


FUNCTIONS: Final[dict[str, Function]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getRegion:getRegion": region,
    "aws:index/getPartition:getPartition": partition,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    **functions_edge.FUNCTIONS,
    "aws:ssm/getParametersByPath:getParametersByPath": parameters_by_path,
}
