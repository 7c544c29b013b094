"""What a table cannot say: refusals that no schema holds, and what the emulator gets wrong."""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any, Final

from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, has_unknown

_RULE_NAMES: Final = {
    "cidrIpv4": "CidrIpv4",
    "cidrIpv6": "CidrIpv6",
    "description": "Description",
    "fromPort": "FromPort",
    "ipProtocol": "IpProtocol",
    "prefixListId": "PrefixListId",
    "referencedSecurityGroupId": "ReferencedGroupId",
    "toPort": "ToPort",
}
RULE_PROPERTIES: Final = tuple(_RULE_NAMES)
RULE_SOURCES: Final = frozenset(
    {"cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"}
)

_FLOW_LOG_NAMES: Final = {
    "trafficType": "TrafficType",
    "logDestination": "LogDestination",
    "logDestinationType": "LogDestinationType",
    "logFormat": "LogFormat",
    "iamRoleArn": "DeliverLogsPermissionArn",
    "maxAggregationInterval": "MaxAggregationInterval",
}
FLOW_LOG_PROPERTIES: Final = frozenset({"vpcId", *_FLOW_LOG_NAMES})

_HIGHEST_PORT: Final = 65535


def vpc_size(properties: Properties) -> Iterator[tuple[str, str]]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html: /16 to /28."""
    block = properties.get("cidrBlock")
    try:
        network = ipaddress.IPv4Network(str(block))
    except ValueError:
        return  # unknown, absent, or refused by the schema already
    if not 16 <= network.prefixlen <= 28:
        yield "cidrBlock", f"The CIDR '{block}' is invalid: a VPC is between /16 and /28"


def give_default_group_its_self_rule(api: Api, vpc_id: str, _: Properties) -> None:
    """The emulator's new default group lacks the rule by which its members talk."""
    group = _default_group(api, vpc_id)
    if group["IpPermissions"]:
        return
    permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group["GroupId"]}]}
    api.call(
        "ec2",
        Call("authorize_security_group_ingress"),
        {},
        {"GroupId": group["GroupId"], "IpPermissions": [permission]},
    )


def _default_group(api: Api, vpc_id: str) -> dict[str, Any]:
    filters = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    answer = api.call("ec2", Call("describe_security_groups"), {}, {"Filters": filters})
    return dict(answer["SecurityGroups"][0])


def take_away_allow_all_egress(api: Api, group_id: str, _: Properties) -> None:
    """pulumi-aws takes AWS's allow-all egress rule from each new group."""
    _revoke(api, group_id, "egress")


def empty_group(api: Api, group_id: str, _: Properties) -> None:
    for direction in ("ingress", "egress"):
        _revoke(api, group_id, direction)


def _revoke(api: Api, group_id: str, direction: str) -> None:
    filters = [{"Name": "group-id", "Values": [group_id]}]
    answer = api.call("ec2", Call("describe_security_group_rules"), {}, {"Filters": filters})
    rules = [
        rule["SecurityGroupRuleId"]
        for rule in answer["SecurityGroupRules"]
        if rule["IsEgress"] == (direction == "egress")
    ]
    if rules:
        api.call(
            "ec2",
            Call(f"revoke_security_group_{direction}"),
            {},
            {"GroupId": group_id, "SecurityGroupRuleIds": rules},
        )


def only_an_empty_default_group(properties: Properties) -> Iterator[tuple[str, str]]:
    for name in ("ingress", "egress"):
        if properties.get(name):
            yield name, "the local cloud only empties a default group; use rule resources elsewhere"


def ipv4_route(properties: Properties) -> Iterator[tuple[str, str]]:
    if properties.get("destinationCidrBlock") is None:
        yield "destinationCidrBlock", "the local cloud has routes to IPv4 blocks only"


def no_revocation_on_delete(properties: Properties) -> Iterator[tuple[str, str]]:
    if properties.get("revokeRulesOnDelete"):
        yield "revokeRulesOnDelete", "the local cloud does not do this yet; leave it out"


def no_forced_detachment(properties: Properties) -> Iterator[tuple[str, str]]:
    if properties.get("forceDetachPolicies"):
        yield "forceDetachPolicies", "the local cloud does not do this yet; leave it out"


def nothing(_: Properties) -> dict[str, Any]:
    return {}


def refuse_group_in_use(api: Api, group_id: str) -> None:
    """The emulator deletes a group that others refer to; AWS refuses."""
    answer = api.call("ec2", Call("describe_security_group_rules"), {})
    users = sorted(
        rule["GroupId"]
        for rule in answer["SecurityGroupRules"]
        if rule.get("ReferencedGroupInfo", {}).get("GroupId") == group_id
        and rule["GroupId"] != group_id
    )
    endpoints = api.call("ec2", Call("describe_vpc_endpoints"), {})["VpcEndpoints"]
    users += sorted(
        endpoint["VpcEndpointId"]
        for endpoint in endpoints
        if endpoint["State"] != "deleted"
        and group_id in [group["GroupId"] for group in endpoint.get("Groups", [])]
    )
    if users:
        raise ApiError(
            f"ec2:delete_security_group refused: DependencyViolation: resource {group_id} has a "
            f"dependent object ({', '.join(users)})"
        )


def rule_ports(properties: Properties) -> Iterator[tuple[str, str]]:
    for name in ("fromPort", "toPort"):
        port = properties.get(name)
        if isinstance(port, int) and not -1 <= port <= _HIGHEST_PORT:
            yield (
                name,
                f"Invalid value '{port}' for {name}: a port is between 0 and {_HIGHEST_PORT}",
            )


def security_group_rule(properties: Properties) -> dict[str, Any]:
    """A rule as EC2's `IpPermissions`, which holds lists where the resource has one value."""
    described = {key: properties[key] for key in ("description",) if properties.get(key)}
    sources = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    permission: dict[str, Any] = {"IpProtocol": str(properties["ipProtocol"])}
    for key, name in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if properties.get(key) is not None:
            permission[name] = properties[key]
    for key, (member, name) in sources.items():
        if properties.get(key) is not None:
            description = {"Description": described["description"]} if described else {}
            permission[member] = [{name: properties[key], **description}]
    return {"GroupId": properties["securityGroupId"], "IpPermissions": [permission]}


def security_group_rule_update(properties: Properties) -> dict[str, Any]:
    """EC2 changes a rule as a whole, under other names than it creates it."""
    rule = {
        name: properties[key]
        for key, name in _RULE_NAMES.items()
        if properties.get(key) is not None
    }
    rule.setdefault("Description", "")  # one that is left out would stay
    update = {"SecurityGroupRuleId": properties["id"], "SecurityGroupRule": rule}
    return {"GroupId": properties["securityGroupId"], "SecurityGroupRules": [update]}


def describe_rule_by_group(api: Api, rule_id: str, properties: Properties) -> None:
    """The emulator loses the description of a new rule that refers to a group."""
    if properties.get("description") and properties.get("referencedSecurityGroupId"):
        params = security_group_rule_update({**properties, "id": rule_id})
        api.call("ec2", Call("modify_security_group_rules"), {}, params)


def flow_log(properties: Properties) -> dict[str, Any]:
    """EC2 takes a list of resources and their kind where the resource has `vpcId`."""
    return {
        "ResourceIds": [properties["vpcId"]],
        "ResourceType": "VPC",
        **{_FLOW_LOG_NAMES[key]: properties[key] for key in _FLOW_LOG_NAMES if key in properties},
    }


def key_administrators(properties: Properties) -> Iterator[tuple[str, str]]:
    """KMS refuses a policy by which nobody could change the policy any more."""
    policy = properties.get("policy")
    if not isinstance(policy, str) or properties.get("bypassPolicyLockoutSafetyCheck"):
        return
    try:
        statements = json.loads(policy).get("Statement", [])
    except (ValueError, AttributeError):
        return  # the schema has said so
    statements = statements if isinstance(statements, list) else [statements]
    if not any(_administers(statement) for statement in statements):
        yield (
            "policy",
            "MalformedPolicyDocumentException: the new key policy will not allow you to update the "
            "key policy in the future; allow kms:* (or kms:PutKeyPolicy) to the account's root",
        )


def _administers(statement: dict[str, Any]) -> bool:
    actions = statement.get("Action", [])
    actions = actions if isinstance(actions, list) else [actions]
    principal = statement.get("Principal", {})
    return (
        statement.get("Effect") == "Allow"
        and any(action in ("*", "kms:*", "kms:Put*", "kms:PutKeyPolicy") for action in actions)
        and (principal == "*" or (isinstance(principal, dict) and "AWS" in principal))
    )


def log_group_name(properties: Properties) -> Iterator[tuple[str, str]]:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"""
    name = properties.get("name")
    if isinstance(name, str) and name.startswith("aws/"):
        yield "name", f"Log groups starting with AWS/ are reserved for AWS: {name}"


def key_admits_logs(api: Api, properties: Properties) -> None:
    """CloudWatch Logs refuses a key that does not let its regional service in; the emulator not."""
    key = properties.get("kmsKeyId")
    if key is None or has_unknown(key):
        return
    answer = api.call("kms", Call("get_key_policy"), {}, {"KeyId": key, "PolicyName": "default"})
    service = f"logs.{api.region}.amazonaws.com"
    if service not in answer["Policy"] and "logs.amazonaws.com" not in answer["Policy"]:
        raise ApiError(
            f"logs:create_log_group refused: AccessDeniedException: the key {key} does not let "
            f"{service} in; add it to the key's policy"
        )
