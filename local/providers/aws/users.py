"""What may use a certificate, a web ACL or an access control, which then cannot be deleted."""

from typing import Any

from local.providers.aws.api import Api
from local.providers.aws.rows import Call


def load_balancers(api: Api) -> list[str]:
    found = api.call("elbv2", Call("describe_load_balancers"), {})["LoadBalancers"]
    return [str(one["LoadBalancerArn"]) for one in found]


def distributions(api: Api) -> list[dict[str, Any]]:
    found = api.call("cloudfront", Call("list_distributions"), {})["DistributionList"]
    return list(found.get("Items") or [])
