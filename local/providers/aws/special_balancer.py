"""What a table cannot say about load balancers; see `special.py`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.elbv2.ssl_policies import SSL_POLICIES

from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.names import camel
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties, Unknown, has_unknown

Refusals = Iterator[tuple[str, str]]

# Pulumi's name in API structures of actions; the same in CloudFormation.
ACTION_NAMES: Final = {
    "arn": "TargetGroupArn",
    "duration": "DurationSeconds",
    "fixedResponse": "FixedResponseConfig",
    "forward": "ForwardConfig",
    "redirect": "RedirectConfig",
    "stickiness": "TargetGroupStickinessConfig",
}


def _attributes(names: Mapping[str, str], properties: Properties) -> list[dict[str, str]]:
    return [
        {"Key": key, "Value": _text(properties[name])}
        for name, key in names.items()
        if properties.get(name) is not None
    ]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


def _found_attributes(found: Properties) -> dict[str, str]:
    return {one["Key"]: str(one.get("Value") or "") for one in found.pop("attributes", None) or []}


# -- load balancer ---------------------------------------------------------------------------

_BALANCER: Final = {
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    ),
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
}
_LOGS: Final = {"accessLogs": "access_logs.s3", "connectionLogs": "connection_logs.s3"}
BALANCER_ATTRIBUTES: Final = (*_BALANCER, *_LOGS)
_BALANCER_RANGES: Final = {"clientKeepAlive": (60, 604800), "idleTimeout": (1, 4000)}
_BALANCER_MODES: Final = {
    "desyncMitigationMode": ("monitor", "defensive", "strictest"),
    "xffHeaderProcessingMode": ("append", "preserve", "remove"),
}
_LONGEST_NAME: Final = 32


def _name_refusals(name: object) -> Refusals:
    if not isinstance(name, str):
        return
    if len(name) > _LONGEST_NAME:
        yield "name", f"the name '{name}' cannot be longer than '{_LONGEST_NAME}' characters"
    if re.search(r"[^A-Za-z0-9-]", name):
        yield "name", f"the name '{name}' can only contain letters, digits and hyphens"
    if name.startswith("-") or name.endswith("-"):
        yield "name", f"the name '{name}' cannot begin or end with a hyphen"


def _range_refusals(ranges: Mapping[str, tuple[int, int]], properties: Properties) -> Refusals:
    for name, (least, most) in ranges.items():
        value = properties.get(name)
        if isinstance(value, int) and not least <= value <= most:
            yield name, f"'{value}' must be between {least} and {most} inclusive"


def _mode_refusals(modes: Mapping[str, tuple[str, ...]], properties: Properties) -> Refusals:
    for name, allowed in modes.items():
        value = properties.get(name)
        if isinstance(value, str) and value not in allowed:
            yield name, f"'{value}' is not one of {', '.join(allowed)}"


def balancer(properties: Properties) -> Refusals:
    kind = properties.get("loadBalancerType")
    if isinstance(kind, str) and kind != "application":
        yield "loadBalancerType", "the local cloud has application load balancers only"
    name = properties.get("name")
    yield from _name_refusals(name)
    if isinstance(name, str) and name.startswith("internal-"):
        yield "name", f"the name '{name}' cannot begin with 'internal-'"
    yield from _range_refusals(_BALANCER_RANGES, properties)
    yield from _mode_refusals(_BALANCER_MODES, properties)


def balancer_zones(api: Api, properties: Properties) -> Refusals:
    """An application load balancer spans two zones; the emulator takes any two subnets."""
    subnets = properties.get("subnets")
    if not subnets or has_unknown(subnets):
        return
    try:
        answer = api.call("ec2", Call("describe_subnets"), {}, {"SubnetIds": subnets})
    except MissingError:
        return  # the creating call says so
    zones = sorted(subnet["AvailabilityZone"] for subnet in answer["Subnets"])
    if len(set(zones)) < len(zones):
        yield (
            "subnets",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone: "
            f"{', '.join(zones)}",
        )


def balancer_to_send(properties: Properties) -> Properties:
    result = {key: value for key, value in properties.items() if key != "internal"}
    internal = properties.get("internal", False)
    if isinstance(internal, bool):
        result["scheme"] = "internal" if internal else "internet-facing"
    return result


def balancer_attributes(properties: Properties) -> dict[str, Any]:
    """The attributes as a whole; a log that is not wanted is switched off."""
    result = _attributes(_BALANCER, properties)
    for name, prefix in _LOGS.items():
        log = properties.get(name) or {}
        on = bool(log) and log.get("enabled", False)
        result.append({"Key": f"{prefix}.enabled", "Value": _text(on)})
        result += _attributes({"bucket": f"{prefix}.bucket", "prefix": f"{prefix}.prefix"}, log)
    return {"Attributes": result}


def balancer_as_given(found: Properties, like: Properties) -> None:
    attributes = _found_attributes(found)
    for name, key in _BALANCER.items():
        if key in attributes:
            found[name] = _typed(attributes[key])
    for name, prefix in _LOGS.items():
        on = attributes.get(f"{prefix}.enabled") == "true"
        if on or name in like:
            parts = ("bucket", "prefix")
            log = {part: attributes.get(f"{prefix}.{part}", "") for part in parts}
            found[name] = {"enabled": on, **{part: text for part, text in log.items() if text}}
    zones = found.get("AvailabilityZones") or []
    found["subnetMappings"] = [{"subnetId": zone["SubnetId"]} for zone in zones]
    found["arnSuffix"] = _suffix(found["LoadBalancerArn"]).removeprefix("loadbalancer/")


def _suffix(arn: str) -> str:
    return arn.split(":", 5)[-1]


def refuse_taken_balancer_name(api: Api, properties: Properties) -> None:
    answer = api.call("elbv2", Call("describe_load_balancers"), {})
    if any(one["LoadBalancerName"] == properties["name"] for one in answer["LoadBalancers"]):
        raise ApiError(
            "elbv2:create_load_balancer refused: DuplicateLoadBalancerName: A load balancer with "
            f"the same name '{properties['name']}' exists, but with different settings"
        )


def refuse_protected_balancer(api: Api, arn: str) -> None:
    """The emulator deletes a protected load balancer."""
    request = {"LoadBalancerArn": arn}
    try:
        answer = api.call("elbv2", Call("describe_load_balancer_attributes"), {}, request)
    except MissingError:
        return
    if {"Key": "deletion_protection.enabled", "Value": "true"} in answer["Attributes"]:
        raise ApiError(
            f"elbv2:delete_load_balancer refused: OperationNotPermitted: Load balancer '{arn}' "
            "cannot be deleted because deletion protection is enabled"
        )


# -- target group ----------------------------------------------------------------------------

_TARGETS: Final = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "loadBalancingAnomalyMitigation": "load_balancing.algorithm.anomaly_mitigation",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    "slowStart": "slow_start.duration_seconds",
}
_TARGET_DEFAULTS: Final = {
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
}
TARGET_ATTRIBUTES: Final = (*_TARGETS, "stickiness")
_HEALTH: Final = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}
# What pulumi-aws fills into a check that is given in part.
_HEALTH_DEFAULTS: Final = {
    "enabled": True,
    "healthyThreshold": 3,
    "interval": 30,
    "port": "traffic-port",
    "protocol": "HTTP",
    "unhealthyThreshold": 3,
}
_TARGET_MODES: Final = {
    "loadBalancingAlgorithmType": (
        "round_robin",
        "least_outstanding_requests",
        "weighted_random",
    ),
    "loadBalancingAnomalyMitigation": ("on", "off"),
    "loadBalancingCrossZoneEnabled": ("true", "false", "use_load_balancer_configuration"),
}


def targets(properties: Properties) -> Refusals:
    yield from _name_refusals(properties.get("name"))
    yield from _range_refusals({"deregistrationDelay": (0, 3600)}, properties)
    yield from _mode_refusals(_TARGET_MODES, properties)
    slow = properties.get("slowStart")
    if isinstance(slow, int) and slow != 0 and not 30 <= slow <= 900:
        yield "slowStart", f"'{slow}' must be 0 or between 30 and 900 inclusive"
    kind = properties.get("targetType")
    if isinstance(kind, str) and kind not in ("instance", "ip"):
        yield "targetType", "the local cloud has target groups of instances and addresses only"
    if isinstance(properties.get("protocol"), str) and properties["protocol"] not in _PROTOCOLS:
        yield "protocol", "the local cloud has HTTP and HTTPS target groups only"
    check = properties.get("healthCheck")
    if isinstance(check, dict):
        yield from _health_check(check)


_PROTOCOLS: Final = ("HTTP", "HTTPS")


def _health_check(check: Properties) -> Refusals:
    interval, timeout = check.get("interval", 30), check.get("timeout", 5)
    if isinstance(interval, int) and isinstance(timeout, int) and timeout >= interval:
        yield (
            "healthCheck.timeout",
            f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'",
        )
    path = check.get("path", "/")
    if isinstance(path, str) and not path.startswith("/"):
        yield "healthCheck.path", f"Health check path '{path}' must begin with a '/' character"


def targets_to_send(properties: Properties) -> Properties:
    """The health check as the API has it: properties of the group itself."""
    check = properties.get("healthCheck")
    return {**properties, **_flat_check(check)} if isinstance(check, dict) else properties


def _flat_check(check: Properties) -> Properties:
    whole = {**_HEALTH_DEFAULTS, **check}
    flat = {camel(name): whole[key] for key, name in _HEALTH.items() if key in whole}
    if "port" in whole and not isinstance(whole["port"], Unknown):
        flat["healthCheckPort"] = str(whole["port"])
    if "matcher" in whole:
        flat["matcher"] = {"httpCode": whole["matcher"]}
    return flat


def health_check(properties: Properties) -> dict[str, Any]:
    flat = _flat_check(properties.get("healthCheck") or {})
    matcher = flat.pop("matcher", None)
    result = {name[:1].upper() + name[1:]: value for name, value in flat.items()}
    return {**result, **({"Matcher": {"HttpCode": matcher["httpCode"]}} if matcher else {})}


def target_attributes(properties: Properties) -> dict[str, Any]:
    result = _attributes(_TARGETS, properties)
    sticky = properties.get("stickiness")
    if sticky is None:
        return {"Attributes": [*result, {"Key": "stickiness.enabled", "Value": "false"}]}
    names = {
        "type": "stickiness.type",
        "cookieDuration": f"stickiness.{sticky['type']}.duration_seconds",
        "cookieName": "stickiness.app_cookie.cookie_name",
    }
    whole = {"cookieDuration": 86400, **sticky}
    enabled = {"Key": "stickiness.enabled", "Value": _text(sticky.get("enabled", True))}
    return {"Attributes": [*result, enabled, *_attributes(names, whole)]}


def targets_as_given(found: Properties, like: Properties) -> None:
    attributes = {**_TARGET_DEFAULTS, **_found_attributes(found)}
    for name, key in _TARGETS.items():
        text = attributes.get(key, "")
        found[name] = int(text) if text.isdigit() else text
    enabled = attributes.get("stickiness.enabled") == "true"
    if enabled or "stickiness" in like:
        kind = attributes.get("stickiness.type", "lb_cookie")
        duration = attributes.get(f"stickiness.{kind}.duration_seconds", "86400")
        cookie = attributes.get("stickiness.app_cookie.cookie_name")
        found["stickiness"] = {
            "type": kind,
            "enabled": enabled,
            "cookieDuration": int(duration),
            **({"cookieName": cookie} if cookie else {}),
        }
    found["healthCheck"] = {
        **{key: found[name] for key, name in _HEALTH.items() if found.get(name) is not None},
        "matcher": (found.get("Matcher") or {}).get("HttpCode"),
    }
    found["arnSuffix"] = _suffix(found["TargetGroupArn"])


# -- listener --------------------------------------------------------------------------------

_HEADERS: Final = {
    "routingHttpRequest": ("routing.http.request.", "HeaderName", ".header_name"),
    "routingHttpResponse": ("routing.http.response.", "HeaderValue", ".header_value"),
}
_SERVER_HEADER: Final = {"routingHttpResponseServerEnabled": "routing.http.response.server.enabled"}


def _header_attributes() -> dict[str, str]:
    """The attributes of a listener, whose names Pulumi derives from AWS's."""
    names = (
        "routingHttpRequestXAmznTlsVersionHeaderName",
        "routingHttpRequestXAmznTlsCipherSuiteHeaderName",
        "routingHttpResponseAccessControlAllowCredentialsHeaderValue",
        "routingHttpResponseAccessControlAllowHeadersHeaderValue",
        "routingHttpResponseAccessControlAllowMethodsHeaderValue",
        "routingHttpResponseAccessControlAllowOriginHeaderValue",
        "routingHttpResponseAccessControlExposeHeadersHeaderValue",
        "routingHttpResponseAccessControlMaxAgeHeaderValue",
        "routingHttpResponseContentSecurityPolicyHeaderValue",
        "routingHttpResponseStrictTransportSecurityHeaderValue",
        "routingHttpResponseXContentTypeOptionsHeaderValue",
        "routingHttpResponseXFrameOptionsHeaderValue",
    )
    return {name: _header_attribute(name) for name in names}


def _header_attribute(name: str) -> str:
    start, (prefix, end, suffix) = next(
        item for item in _HEADERS.items() if name.startswith(item[0])
    )
    header = name.removeprefix(start).removesuffix(end)
    return prefix + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", header).lower() + suffix


_LISTENER: Final = {**_header_attributes(), **_SERVER_HEADER}
LISTENER_ATTRIBUTES: Final = tuple(_LISTENER)


def listener(properties: Properties) -> Refusals:
    protocol = properties.get("protocol", "HTTP")
    if isinstance(protocol, str) and protocol not in _PROTOCOLS:
        yield "protocol", f"Listener protocol '{protocol}' must be one of 'HTTP, HTTPS'"
    policy = properties.get("sslPolicy")
    if isinstance(policy, str) and policy not in SSL_POLICIES:
        yield "sslPolicy", f"SSLPolicyNotFound: Policy {policy} not found"
    if protocol == "HTTP":
        for name, what in (("certificateArn", "A certificate"), ("sslPolicy", "An SSL policy")):
            if properties.get(name) is not None:
                yield name, f"{what} cannot be specified for HTTP listeners"
    yield from _action_refusals("defaultActions", properties)


# What an action of each type holds.
_ACTION_PARTS: Final = {
    "fixed-response": ("fixedResponse",),
    "forward": ("forward", "targetGroupArn"),
    "redirect": ("redirect",),
}
_HEAVIEST: Final = 999


def _action_refusals(where: str, properties: Properties) -> Refusals:
    actions = properties.get(where)
    for action in actions if isinstance(actions, list) else []:
        if not isinstance(action, dict):
            continue
        parts = _ACTION_PARTS.get(str(action.get("type")))
        if parts and not any(part in action for part in parts):
            yield where, f"an action of type '{action['type']}' needs {' or '.join(parts)}"
        forward = action.get("forward")
        groups = forward.get("targetGroups") if isinstance(forward, dict) else None
        for group in groups if isinstance(groups, list) else []:
            weight = group.get("weight", 1) if isinstance(group, dict) else 1
            if isinstance(weight, int) and not 0 <= weight <= _HEAVIEST:
                yield where, f"Weight '{weight}' must be between 0 and {_HEAVIEST} inclusive"


def listener_to_send(properties: Properties) -> Properties:
    certificate = properties.get("certificateArn")
    if certificate is None:
        return properties
    # Capital, since `certificateArn` itself is renamed to the list.
    return {**properties, "certificateArn": [{"CertificateArn": certificate}]}


def listener_attributes(properties: Properties) -> dict[str, Any]:
    whole = {**dict.fromkeys(_header_attributes(), ""), **_given(properties)}
    return {"Attributes": _attributes(_LISTENER, whole)}


def _given(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if value is not None}


def listener_as_given(found: Properties, _: Properties) -> None:
    attributes = _found_attributes(found)
    for name, key in _LISTENER.items():
        if attributes.get(key):
            found[name] = _typed(attributes[key]) if name in _SERVER_HEADER else attributes[key]
    found.setdefault("routingHttpResponseServerEnabled", True)
    if found.get("Protocol") != "HTTPS":
        found["SslPolicy"] = ""  # the emulator gives every listener one


def refuse_taken_port(api: Api, properties: Properties) -> None:
    request = {"LoadBalancerArn": properties["loadBalancerArn"]}
    answer = api.call("elbv2", Call("describe_listeners"), {}, request)
    if any(one.get("Port") == properties.get("port") for one in answer["Listeners"]):
        raise ApiError(
            "elbv2:create_listener refused: DuplicateListener: A listener already exists on port "
            f"{properties.get('port')} for the load balancer '{properties['loadBalancerArn']}'"
        )


# -- listener rule ---------------------------------------------------------------------------

# Each condition's field and the structure that holds its values.
_FIELDS: Final = {
    "hostHeader": ("host-header", "HostHeaderConfig"),
    "httpHeader": ("http-header", "HttpHeaderConfig"),
    "httpRequestMethod": ("http-request-method", "HttpRequestMethodConfig"),
    "pathPattern": ("path-pattern", "PathPatternConfig"),
    "queryStrings": ("query-string", "QueryStringConfig"),
    "sourceIp": ("source-ip", "SourceIpConfig"),
}
_MOST_VALUES: Final = 5
_LONGEST_VALUE: Final = 128


def rule(properties: Properties) -> Refusals:
    priority = properties.get("priority")
    if isinstance(priority, int) and priority > _LAST_PRIORITY:
        yield "priority", f"Priority '{priority}' must be between 1 and {_LAST_PRIORITY}"
    yield from _action_refusals("actions", properties)
    conditions = properties.get("conditions")
    if not isinstance(conditions, list) or has_unknown(conditions):
        return
    values = [value for condition in conditions for value in _values(condition)]
    if not values:
        yield "conditions", "A condition must be specified"
    if len(values) > _MOST_VALUES:
        yield "conditions", f"a rule has at most {_MOST_VALUES} condition values, not {len(values)}"
    for value in values:
        if len(value) > _LONGEST_VALUE:
            yield "conditions", f"a condition value has at most {_LONGEST_VALUE} characters"


_LAST_PRIORITY: Final = 50000


def _values(condition: Properties) -> list[str]:
    held = [condition[name] for name in _FIELDS if condition.get(name)]
    lists = [one if isinstance(one, list) else one.get("values") or [] for one in held]
    return [str(value) for values in lists for value in values]


def rule_to_send(properties: Properties) -> Properties:
    conditions = properties.get("conditions")
    if not isinstance(conditions, list):
        return properties
    sent = [part for one in conditions for part in _condition(one)]
    return {**properties, "conditions": sent}


def _condition(condition: Any) -> list[Any]:
    if not isinstance(condition, dict):
        return [condition]
    return [
        {
            "field": _FIELDS[name][0],
            camel(_FIELDS[name][1]): {"values": held} if isinstance(held, list) else held,
        }
        for name, held in condition.items()
        if held is not None
    ]


def rule_as_given(found: Properties, _: Properties) -> None:
    found["Conditions"] = [_as_given(condition) for condition in found.get("Conditions") or []]
    found["Priority"] = int(found["Priority"])


def _as_given(condition: Properties) -> Properties:
    name = next(name for name, (field, _) in _FIELDS.items() if field == condition["Field"])
    held = condition.get(_FIELDS[name][1]) or {"Values": condition.get("Values") or []}
    if name == "queryStrings":
        return {name: [{camel(key): value for key, value in one.items()} for one in held["Values"]]}
    return {name: {camel(key): value for key, value in held.items()}}


def refuse_taken_priority(api: Api, properties: Properties) -> None:
    """The emulator compares a number with a text, and so lets any priority be taken twice."""
    request = {"ListenerArn": properties["listenerArn"]}
    rules = api.call("elbv2", Call("describe_rules"), {}, request)["Rules"]
    if str(properties.get("priority")) in [one["Priority"] for one in rules]:
        raise ApiError(
            f"elbv2:create_rule refused: PriorityInUse: Priority '{properties['priority']}' is "
            "currently in use"
        )
