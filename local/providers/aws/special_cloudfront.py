"""What a table cannot say about CloudFront; see `special.py`."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, cast

import botocore.session
from botocore.model import StructureShape

from local.providers.aws.api import Api, ApiError
from local.providers.aws.rows import Call
from local.providers.aws.shapes import to_shape
from local.providers.aws.users import distributions
from local.providers.aws.values import UNKNOWN, Properties, dicts, has_unknown

Refusals = Iterator[tuple[str, str]]

# Where ACM keeps the certificates of CloudFront.
CLOUDFRONT_REGION: Final = "us-east-1"


@cache
def _config_shape() -> StructureShape:
    service = botocore.session.get_session().get_service_model("cloudfront")
    return cast("StructureShape", service.shape_for("DistributionConfig"))


def distribution_to_send(properties: Properties) -> Properties:
    """CloudFormation's names, which are nearly the API's."""
    result = dict(properties)
    for name in ("origins", "originGroups"):
        if isinstance(properties.get(name), list):
            result[name] = [
                _renamed(item, "originId", "id") if isinstance(item, dict) else item
                for item in properties[name]
            ]
    if isinstance(result.get("origins"), list):
        result["origins"] = [_origin(item) for item in result["origins"]]
    if isinstance(result.get("originGroups"), list):
        groups = [_origin_group(item) for item in result["originGroups"]]
        result["originGroups"] = {"quantity": len(groups), "items": groups}
    if isinstance(result.get("loggingConfig"), dict):
        result["loggingConfig"] = {
            "includeCookies": False,
            "prefix": "",
            **result["loggingConfig"],
        }
    return result


def _renamed(item: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: value for key, value in item.items()}


def _origin(item: Any) -> Any:
    """An origin in S3 says so, even when origin access control does the rest."""
    if not isinstance(item, dict):
        return item
    item = dict(item)
    if isinstance(item.get("customHeaders"), list):
        item["customHeaders"] = [
            {"headerName": one["name"], "headerValue": one["value"]}
            for one in dicts(item["customHeaders"])
        ]
        item["originCustomHeaders"] = item.pop("customHeaders")
    if not {"customOriginConfig", "s3OriginConfig", "vpcOriginConfig"} & item.keys():
        item["s3OriginConfig"] = {"originAccessIdentity": ""}
    return item


def _origin_group(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    criteria, members = item.get("failoverCriteria"), item.get("members")
    codes = criteria.get("statusCodes") if isinstance(criteria, dict) else criteria
    return {
        **item,
        "failoverCriteria": {"statusCodes": _counted(codes)},
        "members": _counted(members),
    }


def _counted(values: Any) -> Any:
    if not isinstance(values, list):
        return UNKNOWN
    return {"quantity": len(values), "items": values}


_API_NAMES: Final = {"loggingConfig": "logging", "orderedCacheBehaviors": "cacheBehaviors"}


def distribution_config(properties: Properties) -> dict[str, Any]:
    """The configuration as the API wants it: everything, and its lists counted."""
    known = {member.lower() for member in _config_shape().members} - {"callerreference"}
    named = {_API_NAMES.get(key, key): value for key, value in properties.items()}
    config: dict[str, Any] = {
        "comment": "",
        **{k: v for k, v in named.items() if v is not None and k.lower() in known},
    }
    config["defaultCacheBehavior"] = _behavior(config["defaultCacheBehavior"])
    if "cacheBehaviors" in config:
        config["cacheBehaviors"] = [_behavior(one) for one in config["cacheBehaviors"]]
    if "logging" in config:
        config["logging"] = {"enabled": True, **config["logging"]}
    config["origins"] = [
        _renamed(origin, "originCustomHeaders", "customHeaders") for origin in config["origins"]
    ]
    geo = config["restrictions"]["geoRestriction"]
    places = geo.get("locations") or []
    config["restrictions"] = {
        "geoRestriction": {
            "restrictionType": geo["restrictionType"],
            "quantity": len(places),
            **({"items": places} if places else {}),
        }
    }
    return {"DistributionConfig": to_shape(config, _config_shape(), {})}


def _behavior(given: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: value for key, value in given.items() if key != "cachedMethods"}
    methods, cached = given["allowedMethods"], given["cachedMethods"]
    result["allowedMethods"] = {
        "quantity": len(methods),
        "items": methods,
        "cachedMethods": {"quantity": len(cached), "items": cached},
    }
    return result


def disabled_distribution(properties: Properties) -> dict[str, Any]:
    """CloudFront deletes a disabled distribution only."""
    return {"DistributionConfig": {**properties["configNow"], "Enabled": False}}


def distribution_as_given(found: Properties, _: Properties) -> None:
    for behavior in (found["DefaultCacheBehavior"], *_items(found.get("CacheBehaviors"))):
        methods = behavior.get("AllowedMethods") or {}
        behavior["CachedMethods"] = _items(methods.get("CachedMethods"))
        behavior["AllowedMethods"] = _items(methods)
    found["Origins"] = [_origin_as_given(one) for one in _items(found.get("Origins"))]
    groups = [_renamed(one, "Id", "OriginId") for one in _items(found.get("OriginGroups"))]
    found["OriginGroups"] = groups or None
    for error in _items(found.get("CustomErrorResponses")):
        if error.get("ResponseCode"):
            error["ResponseCode"] = int(error["ResponseCode"])
    geo = found.get("Restrictions", {}).get("GeoRestriction", {})
    found["Restrictions"] = {
        "GeoRestriction": {
            "RestrictionType": geo.get("RestrictionType", "none"),
            "Locations": _items(geo),
        }
    }


def _origin_as_given(origin: Mapping[str, Any]) -> dict[str, Any]:
    headers = [
        {"name": one["HeaderName"], "value": one["HeaderValue"]}
        for one in _items(origin.get("CustomHeaders"))
    ]
    return {**_renamed(origin, "Id", "OriginId"), "CustomHeaders": headers}


def _items(counted: Any) -> list[Any]:
    return list((counted or {}).get("Items") or [])


def distribution(properties: Properties) -> Refusals:
    yield from _viewer_certificate(properties)
    yield from _origins(properties)
    logging = properties.get("loggingConfig")
    bucket = logging.get("bucket") if isinstance(logging, dict) else None
    if isinstance(bucket, str) and ".s3." not in bucket:
        yield (
            "loggingConfig.bucket",
            f"InvalidArgument: {bucket} is no domain name of a bucket (name.s3.amazonaws.com)",
        )
    acl = properties.get("webAclId")
    if isinstance(acl, str) and acl and ":global/webacl/" not in acl:
        yield (
            "webAclId",
            f"InvalidWebACLId: {acl} is not the ARN of a web ACL of scope CLOUDFRONT",
        )


def _viewer_certificate(properties: Properties) -> Refusals:
    viewer = properties.get("viewerCertificate")
    if not isinstance(viewer, dict):
        return
    arn = viewer.get("acmCertificateArn")
    own = arn is not None or viewer.get("iamCertificateId") is not None
    if isinstance(arn, str) and arn and f":acm:{CLOUDFRONT_REGION}:" not in arn:
        yield (
            "viewerCertificate.acmCertificateArn",
            "InvalidViewerCertificate: The specified SSL certificate doesn't exist, isn't in "
            f"{CLOUDFRONT_REGION} region, isn't valid, or doesn't include a valid certificate "
            f"chain: {arn}",
        )
    if properties.get("aliases") and not own:
        yield (
            "aliases",
            "InvalidViewerCertificate: To add an alternate domain name (CNAME) to a CloudFront "
            "distribution, you must attach a trusted certificate that validates your "
            "authorization to use the domain name",
        )
    if own and viewer.get("sslSupportMethod") is None:
        yield (
            "viewerCertificate.sslSupportMethod",
            "InvalidViewerCertificate: a certificate of one's own needs sslSupportMethod: sni-only",
        )
    version = viewer.get("minimumProtocolVersion")
    if not own and isinstance(version, str) and version != "TLSv1":
        yield (
            "viewerCertificate.minimumProtocolVersion",
            "CloudFront's own certificate always has TLSv1; an alias with a certificate of one's "
            "own can have a newer one",
        )


def _origins(properties: Properties) -> Refusals:
    if has_unknown(properties.get("origins")) and not isinstance(properties["origins"], list):
        return
    origins = {one.get("originId") for one in dicts(properties.get("origins"))}
    groups = dicts(properties.get("originGroups"))
    for group in groups:
        for member in dicts(group.get("members")):
            if isinstance(member.get("originId"), str) and member["originId"] not in origins:
                yield (
                    "originGroups",
                    f"NoSuchOrigin: no origin {member['originId']} for the group "
                    f"{group.get('originId')}",
                )
    known = origins | {group.get("originId") for group in groups}
    ordered = dicts(properties.get("orderedCacheBehaviors"))
    default = properties.get("defaultCacheBehavior")
    for where, behavior in (
        *(("defaultCacheBehavior", one) for one in dicts([default])),
        *(("orderedCacheBehaviors", one) for one in ordered),
    ):
        target = behavior.get("targetOriginId")
        if isinstance(target, str) and target not in known:
            yield (
                where,
                f"NoSuchOrigin: One or more of your origins or origin groups do not exist: "
                f"{target}",
            )
        if behavior.get("forwardedValues") is not None:
            yield where, "the local cloud has no forwardedValues; use cachePolicyId"
        elif behavior.get("cachePolicyId") is None:
            yield where, "InvalidArgument: one of cachePolicyId and forwardedValues is required"


def refuse_used_origin_access_control(api: Api, control: str) -> None:
    """The emulator deletes a control that a distribution uses; CloudFront refuses."""
    for one in distributions(api):
        answer = api.call("cloudfront", Call("get_distribution_config"), {}, {"Id": one["Id"]})
        origins = _items(answer["DistributionConfig"]["Origins"])
        if control in [origin.get("OriginAccessControlId") for origin in origins]:
            raise ApiError(
                "cloudfront:delete_origin_access_control refused: OriginAccessControlInUse: the "
                f"distribution {one['Id']} uses {control}"
            )


def policy_to_send(properties: Properties) -> Properties:
    """Lists without the structure that Pulumi has around those of a cache policy."""
    name = "parametersInCacheKeyAndForwardedToOrigin"
    key = properties.get(name)
    if not isinstance(key, dict):
        return properties
    configs = {part: _without_items(value) for part, value in key.items()}
    gzip = {"enableAcceptEncodingGzip": False}
    return {**properties, name: {**gzip, **configs}}


def _without_items(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    return {
        part: value["items"] if isinstance(value, dict) and "items" in value else value
        for part, value in config.items()
    }


def function_for_schema(properties: Properties) -> Properties:
    config = {"comment": properties.get("comment") or "", "runtime": properties.get("runtime")}
    return {**properties, "functionConfig": config}


def function_to_send(properties: Properties) -> dict[str, Any]:
    config = properties["functionConfig"]
    return {
        "Name": properties["name"],
        "FunctionCode": str(properties["code"]).encode(),
        "FunctionConfig": {"Comment": config["comment"], "Runtime": config["runtime"]},
    }
