"""What a table cannot say about WAF; see `special.py`."""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any, Final

from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.users import distributions, load_balancers
from local.providers.aws.values import Properties, dicts, has_unknown

Refusals = Iterator[tuple[str, str]]

# Where WAF keeps what protects CloudFront.
CLOUDFRONT_REGION: Final = "us-east-1"
_SCOPES: Final = ("REGIONAL", "CLOUDFRONT")
_LEAST_RATE: Final = 10
_HIGHEST_RATE: Final = 2_000_000_000
_LOG_PREFIX: Final = "aws-waf-logs-"
# Their rules have actions of their own, which `overrideAction` leaves or turns into a count.
_GROUP_STATEMENTS: Final = ("managedRuleGroupStatement", "ruleGroupReferenceStatement")


def waf_scope(api: Api, properties: Properties) -> Refusals:
    if properties.get("scope") == "CLOUDFRONT" and api.region != CLOUDFRONT_REGION:
        yield (
            "scope",
            f"WAFInvalidParameterException: scope CLOUDFRONT exists in {CLOUDFRONT_REGION} only, "
            f"not in {api.region}; give the resource region={CLOUDFRONT_REGION!r}",
        )


def ip_set_to_send(properties: Properties) -> Properties:
    """WAF wants the addresses also when there are none."""
    return {"addresses": [], **properties}


def ip_set(properties: Properties) -> Refusals:
    version = properties.get("ipAddressVersion")
    addresses = properties.get("addresses")
    for address in addresses if isinstance(addresses, list) else []:
        if isinstance(address, str):
            for reason in _address_refusals(address, version):
                yield "addresses", f"WAFInvalidParameterException: {address}: {reason}"


def _address_refusals(address: str, version: object) -> Iterator[str]:
    try:
        interface = ipaddress.ip_interface(address)
    except ValueError:
        yield "no block of addresses"
        return
    if "/" not in address:
        yield f"a prefix is missing; one address is {address}/{interface.max_prefixlen}"
    if version in ("IPV4", "IPV6") and version != f"IPV{interface.version}":
        yield f"IPv{interface.version} in a set of {version}"
    if interface.network.prefixlen == 0:
        yield "WAF does not support the prefix /0"


def web_acl_to_send(properties: Properties) -> Properties:
    """Response bodies by their key, as WAF has them."""
    bodies = properties.get("customResponseBodies")
    if not isinstance(bodies, list):
        return properties
    by_key = {
        body["key"]: {name: value for name, value in body.items() if name != "key"}
        for body in dicts(bodies)
    }
    return {**properties, "customResponseBodies": by_key}


def web_acl_as_given(found: Properties, _: Properties) -> None:
    bodies = found.pop("CustomResponseBodies", None) or {}
    if bodies:
        found["CustomResponseBodies"] = [
            {"key": key, "content": body["Content"], "contentType": body["ContentType"]}
            for key, body in bodies.items()
        ]


def web_acl(properties: Properties) -> Refusals:
    rules = dicts(properties.get("rules"))
    for index, rule in enumerate(rules):
        where = f"rules.{index}"
        earlier = [one.get("priority") for one in rules[:index]]
        priority = rule.get("priority")
        if isinstance(priority, int) and priority in earlier:
            yield (
                f"{where}.priority",
                f"WAFInvalidParameterException: priority {priority} of the rule "
                f"{rule.get('name')} is that of another rule",
            )
        if isinstance(rule.get("name"), str) and rule["name"] in [
            one.get("name") for one in rules[:index]
        ]:
            yield f"{where}.name", f"WAFDuplicateItemException: two rules are {rule['name']}"
        yield from _rule_action(where, rule)
        for limit in _rate_limits(rule.get("statement")):
            if isinstance(limit, int) and not _LEAST_RATE <= limit <= _HIGHEST_RATE:
                yield (
                    f"{where}.statement",
                    f"WAFInvalidParameterException: rate limit {limit} is not between "
                    f"{_LEAST_RATE} and {_HIGHEST_RATE}",
                )


def _rule_action(where: str, rule: Properties) -> Refusals:
    statement = rule.get("statement")
    if has_unknown(rule) or not isinstance(statement, dict):
        return
    group = any(statement.get(name) is not None for name in _GROUP_STATEMENTS)
    wanted, other = ("overrideAction", "action") if group else ("action", "overrideAction")
    if rule.get(other) is not None or rule.get(wanted) is None:
        yield (
            f"{where}.{wanted}",
            f"WAFInvalidParameterException: the rule {rule.get('name')} takes {wanted} and not "
            f"{other}: it {'refers to a rule group' if group else 'refers to no rule group'}",
        )


def _rate_limits(statement: Any) -> Iterator[Any]:
    if isinstance(statement, dict):
        for name, value in statement.items():
            if name == "rateBasedStatement" and isinstance(value, dict):
                yield value.get("limit")
            yield from _rate_limits(value)
    elif isinstance(statement, list):
        for item in statement:
            yield from _rate_limits(item)


def refuse_used_ip_set(api: Api, set_id: str) -> None:
    """The emulator deletes a set that a web ACL refers to; WAF refuses."""
    for acl in _web_acls(api):
        if set_id in json.dumps(acl["Rules"], default=str):
            raise ApiError(
                "wafv2:delete_ip_set refused: WAFAssociatedItemException: the IP set "
                f"{set_id} is referred to by the web ACL {acl['Name']}"
            )


def refuse_used_web_acl(api: Api, acl_id: str) -> None:
    """The emulator deletes an ACL that protects something; WAF refuses."""
    of_resource = Call("get_web_acl_for_resource")
    users = [
        balancer
        for balancer in load_balancers(api)
        if (api.call("wafv2", of_resource, {}, {"ResourceArn": balancer}).get("WebACL") or {}).get(
            "Id"
        )
        == acl_id
    ]
    users += [one["Id"] for one in distributions(api) if str(one.get("WebACLId")).endswith(acl_id)]
    if users:
        raise ApiError(
            f"wafv2:delete_web_acl refused: WAFAssociatedItemException: the web ACL {acl_id} "
            f"protects {', '.join(sorted(users))}"
        )


def _web_acls(api: Api) -> Iterator[dict[str, Any]]:
    for scope in _SCOPES:
        listed = api.call("wafv2", Call("list_web_acls"), {}, {"Scope": scope})["WebACLs"]
        for one in listed:
            wanted = {"Scope": scope, "Id": one["Id"], "Name": one["Name"]}
            yield api.call("wafv2", Call("get_web_acl"), {}, wanted)["WebACL"]


def regional_association(properties: Properties) -> Refusals:
    arn = properties.get("resourceArn")
    if isinstance(arn, str) and ":cloudfront:" in arn:
        yield (
            "resourceArn",
            "WAFInvalidParameterException: a distribution names its web ACL itself, in webAclId",
        )


def waf_log_destination(properties: Properties) -> Refusals:
    destinations = properties.get("logDestinationConfigs")
    for arn in destinations if isinstance(destinations, list) else []:
        if not isinstance(arn, str):
            continue
        name = arn.split(":")[6 if ":log-group:" in arn else 5].removeprefix("deliverystream/")
        if not name.startswith(_LOG_PREFIX):
            yield (
                "logDestinationConfigs",
                f"WAFInvalidParameterException: The ARN isn't valid: the name of the destination "
                f"{name} does not begin with {_LOG_PREFIX}",
            )
