"""The failover of the API's host: users are sent to the status page, and back to the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from operations.errors import OperationError
from operations.load_balancer import names_of
from operations.steps import Context


@dataclass(frozen=True)
class Failover:
    """The health check of the API's host, which answers with the status page while it fails."""

    host: str
    health_check_id: str


def find_failover(context: Context, balancers: Sequence[str]) -> Failover | None:
    """The failover that leads to one of these load balancers; None for a stack without an edge.

    So the host, which is a setting, need not be known: a disaster may leave settings out of reach.
    """
    names = names_of(context, balancers)
    for zone in context.aws.pages("route53", "list_hosted_zones", "HostedZones"):
        if zone["Config"]["PrivateZone"]:
            continue
        records = context.aws.pages(
            "route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"]
        )
        for record in records:
            primary = record.get("Failover") == "PRIMARY" and "HealthCheckId" in record
            if primary and _target(record) in names:
                return Failover(record["Name"].removesuffix("."), record["HealthCheckId"])
    return None


def health_url(context: Context, service: str, failover: Failover | None, option: str) -> str:
    """Where the service's health is asked, as its users reach it.

    Raises:
        OperationError: without a failover no host is known; `option` says the URL.
    """
    if failover is None:
        raise OperationError(
            f"no failover record leads to the load balancer of the service {service} of "
            f"{context.platform.environment}, which would say its host: add {option} with the URL "
            "at which its health is asked"
        )
    return f"https://{failover.host}/health"


def set_status_page(context: Context, failover: Failover, *, on: bool) -> None:
    """Let the host answer with the status page whatever its health is, or by its health again.

    Route 53 takes a disabled health check for healthy, and an inverted one for the opposite: both
    together fail always. Inverted alone it would send users to a broken API, and keep them from a
    sound one.
    """
    route53 = context.aws.client("route53")
    check = route53.get_health_check(HealthCheckId=failover.health_check_id)["HealthCheck"]
    if is_status_page(check) == on:
        return
    route53.update_health_check(
        HealthCheckId=failover.health_check_id,
        HealthCheckVersion=check["HealthCheckVersion"],
        Disabled=on,
        Inverted=on,
    )


def is_status_page(check: dict[str, Any]) -> bool:
    config = check["HealthCheckConfig"]
    return bool(config.get("Disabled") and config.get("Inverted"))


def _target(record: dict[str, Any]) -> str:
    """Where an alias leads; the console writes a second name of the same load balancer."""
    name = str(record.get("AliasTarget", {}).get("DNSName", "")).lower()
    return name.removesuffix(".").removeprefix("dualstack.")
