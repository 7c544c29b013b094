"""The data sources of DNS, CloudFront, the registry and the identity provider."""

from typing import Final

from local.providers.aws.api import Api, ApiError, MissingError
from local.providers.aws.rows import Call
from local.providers.aws.values import Properties

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
MANAGED_CACHE_POLICIES: Final = {
    "Managed-Amplify": "2e54312d-136d-493c-8eb9-b001f22f67d2",
    "Managed-CachingDisabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "Managed-CachingOptimized": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    "Managed-Elemental-MediaPackage": "08627262-05a9-4f76-9ded-b50ca2e3a84f",
    "UseOriginCacheControlHeaders": "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    "UseOriginCacheControlHeaders-QueryStrings": "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
}


def _only(name: str, arguments: Properties, *known: str) -> None:
    unsupported = arguments.keys() - {*known, "region"}
    if unsupported:
        raise ApiError(f"{name} here knows no {', '.join(sorted(unsupported))}")


def hosted_zone(api: Api, arguments: Properties) -> Properties:
    """`aws.route53.get_zone`, by name or id.

    Raises:
        ApiError: no public (or, with `privateZone`, private) zone has the name, or several have.
    """
    _only("getZone", arguments, "name", "zoneId", "privateZone")
    private = bool(arguments.get("privateZone"))
    name = str(arguments.get("name") or "").removesuffix(".")
    found = [
        zone
        for zone in api.call("route53", Call("list_hosted_zones"), {})["HostedZones"]
        if str(zone["Id"]).endswith(f"/{arguments.get('zoneId')}")
        or (zone["Name"] == f"{name}." and bool(zone["Config"].get("PrivateZone")) == private)
    ]
    wanted = name or arguments.get("zoneId")
    if not found:
        raise ApiError(
            f"no matching Route 53 Hosted Zone found: {wanted}; the hosted zone is made before "
            "the stack (docs/first-deployment.md)"
        )
    if len(found) > 1:
        raise ApiError(f"multiple Route 53 Hosted Zones matched: {wanted}; name one by zoneId")
    answer = api.call("route53", Call("get_hosted_zone"), {}, {"Id": found[0]["Id"]})
    zone, servers = answer["HostedZone"], answer["DelegationSet"]["NameServers"]
    zone_id = str(zone["Id"]).removeprefix("/hostedzone/")
    tags = api.call(
        "route53",
        Call("list_tags_for_resource"),
        {},
        {"ResourceType": "hostedzone", "ResourceId": zone_id},
    )["ResourceTagSet"]["Tags"]
    return {
        "id": zone_id,
        "zoneId": zone_id,
        "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
        "name": str(zone["Name"]).removesuffix("."),
        "callerReference": zone["CallerReference"],
        "comment": zone["Config"].get("Comment", ""),
        "nameServers": servers,
        "primaryNameServer": servers[0],
        "privateZone": private,
        "resourceRecordSetCount": zone["ResourceRecordSetCount"],
        "tags": {tag["Key"]: tag["Value"] for tag in tags},
    }


def cache_policy(_: Api, arguments: Properties) -> Properties:
    """`aws.cloudfront.get_cache_policy`, for the policies that AWS manages."""
    _only("getCachePolicy", arguments, "name", "id")
    by_id = {policy: name for name, policy in MANAGED_CACHE_POLICIES.items()}
    wanted = arguments.get("name") or arguments.get("id")
    name = by_id.get(str(wanted), str(wanted))
    if name not in MANAGED_CACHE_POLICIES:
        raise ApiError(
            f"no matching CloudFront Cache Policy ({wanted}); "
            f"AWS manages {', '.join(MANAGED_CACHE_POLICIES)}"
        )
    policy = MANAGED_CACHE_POLICIES[name]
    arn = f"arn:aws:cloudfront::aws:cache-policy/{policy}"
    return {"id": policy, "name": name, "arn": arn, "comment": ""}


def repository(api: Api, arguments: Properties) -> Properties:
    """`aws.ecr.get_repository`.

    Raises:
        ApiError: there is none; the account's stack makes it.
    """
    _only("getRepository", arguments, "name")
    name = arguments["name"]
    try:
        answer = api.call("ecr", Call("describe_repositories"), {}, {"repositoryNames": [name]})
    except MissingError as error:
        raise ApiError(f"{error}; the account's stack makes it: bring that up first") from error
    found = answer["repositories"][0]
    tags = api.call(
        "ecr", Call("list_tags_for_resource"), {}, {"resourceArn": found["repositoryArn"]}
    )["tags"]
    return {
        "id": name,
        "name": name,
        "region": api.region,
        "arn": found["repositoryArn"],
        "registryId": found["registryId"],
        "repositoryUrl": found["repositoryUri"],
        "imageTagMutability": found["imageTagMutability"],
        "imageScanningConfigurations": [found["imageScanningConfiguration"]],
        "encryptionConfigurations": [found["encryptionConfiguration"]],
        "tags": {tag["Key"]: tag["Value"] for tag in tags},
    }


def identity_provider(api: Api, arguments: Properties) -> Properties:
    """`aws.iam.get_open_id_connect_provider`, by ARN or address.

    Raises:
        ApiError: the account has none of that name.
    """
    _only("getOpenIdConnectProvider", arguments, "arn", "url")
    listed = api.call("iam", Call("list_open_id_connect_providers"), {})
    arns = [one["Arn"] for one in listed["OpenIDConnectProviderList"]]
    address = str(arguments.get("url") or "").removeprefix("https://")
    wanted = arguments.get("arn") or address
    found = [arn for arn in arns if arn == wanted or arn.endswith(f":oidc-provider/{wanted}")]
    if not found:
        raise ApiError(
            f"no IAM OIDC Provider {wanted}; the account's stack makes it: bring that up first"
        )
    provider = api.call(
        "iam",
        Call("get_open_id_connect_provider"),
        {},
        {"OpenIDConnectProviderArn": found[0]},
    )
    return {
        "id": found[0],
        "arn": found[0],
        "url": str(provider["Url"]).removeprefix("https://"),
        "clientIdLists": provider["ClientIDList"],
        "thumbprintLists": provider["ThumbprintList"],
        "tags": {tag["Key"]: tag["Value"] for tag in provider.get("Tags", [])},
    }


FUNCTIONS: Final = {
    "aws:cloudfront/getCachePolicy:getCachePolicy": cache_policy,
    "aws:ecr/getRepository:getRepository": repository,
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": identity_provider,
    "aws:route53/getZone:getZone": hosted_zone,
}
