"""What a table cannot say about DNS and certificates; see `special.py`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.users import distributions, load_balancers
from local.providers.aws.values import Properties, Unknown, dicts

Refusals = Iterator[tuple[str, str]]

# -- Route 53 ----------------------------------------------------------------------------------

RECORD_PROPERTIES: Final = (
    "aliases",
    "failoverRoutingPolicies",
    "healthCheckId",
    "latencyRoutingPolicies",
    "records",
    "ttl",
    "weightedRoutingPolicies",
)
# The routing policies: Pulumi's list of one, its member, and Route 53's name for it.
_ROUTING: Final = (
    ("failoverRoutingPolicies", "type", "Failover"),
    ("weightedRoutingPolicies", "weight", "Weight"),
    ("latencyRoutingPolicies", "region", "Region"),
)
_RECORD_TYPES: Final = (
    *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS"),
    *("PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
)
_QUOTED: Final = frozenset({"TXT", "SPF"})


def zone_id(answer: Properties) -> str:
    return str(answer["HostedZone"]["Id"]).removeprefix("/hostedzone/")


def zone(properties: Properties) -> Refusals:
    if properties.get("forceDestroy"):
        yield "forceDestroy", "the local cloud does not do this yet; leave it out"


def zone_as_given(found: Properties, like: Properties) -> None:
    name = str(found["Name"]).removesuffix(".")
    found["Name"] = like["name"] if like.get("name") == f"{name}." else name


def record_to_send(properties: Properties) -> Properties:
    """The alias as one structure, the routing policy flat, and the id that pulumi-aws makes."""
    result = dict(properties)
    if isinstance(properties.get("name"), str):
        result["name"] = properties["name"].removesuffix(".")
    parts = [result.get(name) for name in ("zoneId", "name", "type", "setIdentifier")]
    result["recordId"] = "_".join(str(part) for part in parts if part is not None)
    for alias in dicts(properties.get("aliases"))[:1]:
        result["aliases"] = {
            "dnsName": alias.get("name"),
            "evaluateTargetHealth": alias.get("evaluateTargetHealth"),
            "hostedZoneId": alias.get("zoneId"),
        }
    for name, member, target in _ROUTING:
        for policy in dicts(properties.get(name))[:1]:
            result[target[:1].lower() + target[1:]] = policy.get(member)
    values = properties.get("records")
    if properties.get("type") in _QUOTED and isinstance(values, list):
        result["records"] = [f'"{one}"' if isinstance(one, str) else one for one in values]
    if properties.get("ttl") is not None and not isinstance(properties["ttl"], Unknown):
        result["ttl"] = str(properties["ttl"])
    return result


def _record_set(properties: Properties) -> dict[str, Any]:
    result: dict[str, Any] = {"Name": properties["name"], "Type": properties["type"]}
    for name, target in (("setIdentifier", "SetIdentifier"), ("healthCheckId", "HealthCheckId")):
        if properties.get(name) is not None:
            result[target] = properties[name]
    for _, _, target in _ROUTING:
        value = properties.get(target[:1].lower() + target[1:])
        if value is not None:
            result[target] = value
    alias = properties.get("aliases")
    if isinstance(alias, dict):
        result["AliasTarget"] = {
            "DNSName": alias["dnsName"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
            "HostedZoneId": alias["hostedZoneId"],
        }
    else:
        result["TTL"] = int(properties["ttl"])
        result["ResourceRecords"] = [{"Value": value} for value in properties["records"]]
    return result


def _change(action: str, record_set: Mapping[str, Any]) -> dict[str, Any]:
    return {"ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": record_set}]}}


def create_record(properties: Properties) -> dict[str, Any]:
    action = "UPSERT" if properties.get("allowOverwrite") else "CREATE"
    return _change(action, _record_set(properties))


def upsert_record(properties: Properties) -> dict[str, Any]:
    return _change("UPSERT", _record_set(properties))


def delete_record(properties: Properties) -> dict[str, Any]:
    """Route 53 deletes a record only when it is named with all that it has now."""
    return _change("DELETE", properties["recordSet"])


def record_as_given(found: Properties, like: Properties) -> None:
    quote = '"' if found["Type"] in _QUOTED else ""
    found["fqdn"] = str(found["Name"]).removesuffix(".")
    # ACM names its records with the dot at the end, which pulumi-aws takes as it is.
    found["Name"] = like["name"]
    alias = found.get("AliasTarget")
    if alias is not None:
        found["aliases"] = [
            {
                "name": str(alias["DNSName"]).removesuffix("."),
                "zoneId": alias["HostedZoneId"],
                "evaluateTargetHealth": alias["EvaluateTargetHealth"],
            }
        ]
    values = [item["Value"] for item in found.pop("ResourceRecords", None) or []]
    if values:
        found["records"] = [value.removeprefix(quote).removesuffix(quote) for value in values]
    for name, member, target in _ROUTING:
        if found.get(target) is not None:
            found[name] = [{member: found.pop(target)}]


def record(properties: Properties) -> Refusals:
    kind = properties.get("type")
    if isinstance(kind, str) and kind not in _RECORD_TYPES:
        yield "type", f"'{kind}' is not one of {', '.join(_RECORD_TYPES)}"
    alias, records = properties.get("aliases"), properties.get("records")
    if (alias is None) == (records is None):
        yield "records", "exactly one of records (with ttl) and aliases is to be given"
    if alias is not None and properties.get("ttl") is not None:
        yield "ttl", "InvalidInput: an alias record has the TTL of its target; leave ttl out"
    if records is not None and properties.get("ttl") is None:
        yield "ttl", "InvalidInput: TTL is required for a record that is no alias"
    routed = [name for name, _, _ in _ROUTING if properties.get(name) is not None]
    if len(routed) > 1:
        yield routed[1], f"only one routing policy can be given; {routed[0]} is given too"
    if routed and properties.get("setIdentifier") is None:
        yield (
            "setIdentifier",
            f"InvalidInput: SetIdentifier is required with {routed[0]}; it tells the records of "
            "one name apart",
        )
    if not routed and properties.get("setIdentifier") is not None:
        yield "setIdentifier", "InvalidInput: SetIdentifier is for records with a routing policy"
    for policy in dicts(properties.get("failoverRoutingPolicies")):
        kind = policy.get("type")
        if isinstance(kind, str) and kind not in ("PRIMARY", "SECONDARY"):
            yield "failoverRoutingPolicies", f"'{kind}' is not one of PRIMARY, SECONDARY"
        checked = properties.get("healthCheckId") is not None or any(
            one.get("evaluateTargetHealth") for one in dicts(alias)
        )
        if kind == "PRIMARY" and not checked:
            yield (
                "healthCheckId",
                "InvalidChangeBatch: a primary failover record needs a health check, or an alias "
                "that evaluates its target's health",
            )


def record_in_its_zone(api: Api, properties: Properties) -> Refusals:
    name, zone_of_it = properties.get("name"), properties.get("zoneId")
    if not isinstance(name, str) or not isinstance(zone_of_it, str):
        return
    try:
        answer = api.call("route53", Call("get_hosted_zone"), {}, {"Id": zone_of_it})
    except MissingError:
        yield "zoneId", f"NoSuchHostedZone: No hosted zone found with ID: {zone_of_it}"
        return
    domain = str(answer["HostedZone"]["Name"]).removesuffix(".")
    name = name.removesuffix(".")
    if name != domain and not name.endswith(f".{domain}"):
        yield (
            "name",
            f"{name} is not in the zone {domain}: pulumi-aws would make {name}.{domain} of it; "
            "write the whole name",
        )


def refuse_existing_record(api: Api, properties: Properties) -> None:
    """The emulator makes a record twice; Route 53 refuses."""
    if properties.get("allowOverwrite"):
        return
    name = str(properties["name"]).removesuffix(".")
    request = {"HostedZoneId": properties["zoneId"], "StartRecordName": name}
    answer = api.call("route53", Call("list_resource_record_sets"), {}, request)
    wanted = (f"{name}.", properties["type"], properties.get("setIdentifier"))
    for one in answer["ResourceRecordSets"]:
        if (one["Name"], one["Type"], one.get("SetIdentifier")) == wanted:
            raise ApiError(
                "route53:change_resource_record_sets refused: InvalidChangeBatch: Tried to create "
                f"resource record set [name='{wanted[0]}', type='{wanted[1]}'] but it already "
                "exists; allowOverwrite takes it over"
            )


# What pulumi-aws sends, or AWS takes, when the program says nothing.
_HEALTH_CHECK_PORTS: Final = {
    "HTTP": 80,
    "HTTPS": 443,
    "HTTP_STR_MATCH": 80,
    "HTTPS_STR_MATCH": 443,
}
_INTERVALS: Final = (10, 30)
_FAILURES: Final = range(1, 11)


def health_check_to_send(properties: Properties) -> Properties:
    kind = properties.get("type")
    result = dict(properties)
    if kind == "CALCULATED":
        result.pop("measureLatency", None)
    if kind in _HEALTH_CHECK_PORTS:
        result.setdefault("port", _HEALTH_CHECK_PORTS[kind])
        result.setdefault("enableSni", str(kind).startswith("HTTPS"))
    return result


def health_check(properties: Properties) -> Refusals:
    kind = properties.get("type")
    interval = properties.get("requestInterval")
    if isinstance(interval, int) and interval not in _INTERVALS:
        yield "requestInterval", f"InvalidInput: {interval} is not one of 10, 30"
    failures = properties.get("failureThreshold")
    if isinstance(failures, int) and failures not in _FAILURES:
        yield "failureThreshold", f"InvalidInput: {failures} is not between 1 and 10"
    if kind not in _HEALTH_CHECK_PORTS:
        return
    if interval is None:
        yield "requestInterval", "InvalidInput: RequestInterval is required: 10 or 30"
    if properties.get("fqdn") is None and properties.get("ipAddress") is None:
        yield "fqdn", f"InvalidInput: an {kind} health check needs fqdn or ipAddress"
    matches = str(kind).endswith("_STR_MATCH")
    if matches != (properties.get("searchString") is not None):
        yield (
            "searchString",
            "InvalidInput: SearchString goes with the STR_MATCH types, and only so",
        )
    path = properties.get("resourcePath")
    if isinstance(path, str) and not path.startswith("/"):
        yield "resourcePath", f"InvalidInput: the path {path} does not begin with /"


# -- ACM ---------------------------------------------------------------------------------------

_LONGEST_DOMAIN: Final = 64


def certificate(properties: Properties) -> Refusals:
    imported = {"certificateBody", "privateKey", "certificateAuthorityArn"} & properties.keys()
    for name in sorted(imported):
        yield name, "the local cloud has certificates that ACM issues only; leave it out"
    if not imported and properties.get("validationMethod") is None:
        yield "validationMethod", "one of DNS, EMAIL is to be given for a certificate of ACM's own"
    domain = properties.get("domainName")
    if isinstance(domain, str) and len(domain) > _LONGEST_DOMAIN:
        yield (
            "domainName",
            f"ValidationException: the first domain name of a certificate has at most "
            f"{_LONGEST_DOMAIN} characters, {domain} has {len(domain)}",
        )


def certificate_as_given(found: Properties, like: Properties) -> None:
    """Pulumi's flat validation options; the main name is among the others only if it was given."""
    options = sorted(found.get("DomainValidationOptions") or [], key=lambda one: one["DomainName"])
    found["domainValidationOptions"] = [
        {
            "domainName": one["DomainName"],
            "resourceRecordName": one["ResourceRecord"]["Name"],
            "resourceRecordType": one["ResourceRecord"]["Type"],
            "resourceRecordValue": one["ResourceRecord"]["Value"],
        }
        for one in options
    ]
    names = sorted(found.get("SubjectAlternativeNames") or [])
    given = like.get("subjectAlternativeNames")
    if given is not None and found["DomainName"] not in given:
        names = [name for name in names if name != found["DomainName"]]
    found["SubjectAlternativeNames"] = names


def wait_for_certificate(api: Api, properties: Properties) -> None:
    """ACM issues a certificate once it finds its records; the emulator does not look for them."""
    arn, given = properties["certificateArn"], properties.get("validationRecordFqdns")
    if given is None:
        return
    certificate_now = api.call("acm", Call("describe_certificate"), {}, {"CertificateArn": arn})
    options = certificate_now["Certificate"].get("DomainValidationOptions", [])
    needed = {str(one["ResourceRecord"]["Name"]).removesuffix(".") for one in options}
    missing = sorted(needed - {str(name).removesuffix(".") for name in given})
    if missing:
        raise ApiError(f"{arn}: missing {', '.join(missing)} DNS validation record")
    nowhere = sorted(needed - _record_names(api))
    if nowhere:
        raise ApiError(
            f"{arn} stays PENDING_VALIDATION: no hosted zone has a record {', '.join(nowhere)}"
        )


def _record_names(api: Api) -> set[str]:
    zones = api.call("route53", Call("list_hosted_zones"), {})["HostedZones"]
    records = Call("list_resource_record_sets")
    return {
        str(one["Name"]).removesuffix(".")
        for each in zones
        for one in api.call("route53", records, {}, {"HostedZoneId": each["Id"]})[
            "ResourceRecordSets"
        ]
    }


def refuse_used_certificate(api: Api, arn: str) -> None:
    """The emulator deletes a certificate that a listener or a distribution uses; ACM refuses."""
    users = [
        listener["ListenerArn"]
        for balancer in load_balancers(api)
        for listener in api.call(
            "elbv2", Call("describe_listeners"), {}, {"LoadBalancerArn": balancer}
        )["Listeners"]
        if arn in [one.get("CertificateArn") for one in listener.get("Certificates", [])]
    ]
    users += [one["Id"] for one in distributions(api) if arn in json.dumps(one, default=str)]
    if users:
        raise ApiError(
            "acm:delete_certificate refused: ResourceInUseException: the certificate "
            f"{arn} is in use by {', '.join(sorted(users))}"
        )
