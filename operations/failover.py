"""The failover of the API's host: users are sent to the status page, and back to the API."""

from dataclasses import dataclass
from typing import Any

from operations.steps import Context


@dataclass(frozen=True)
class Failover:
    """The health check of the API's host, which answers with the status page while it fails."""

    host: str
    health_check_id: str


def find_failover(context: Context, host: str) -> Failover | None:
    """None where the host has no failover record: a stack without an edge."""
    route53 = context.aws.client("route53")
    for zone in context.aws.pages("route53", "list_hosted_zones", "HostedZones"):
        if zone["Config"]["PrivateZone"] or not f".{host}.".endswith(f".{zone['Name']}"):
            continue
        # Only the zone's records from this name on, of which there are two.
        records = route53.list_resource_record_sets(
            HostedZoneId=zone["Id"], StartRecordName=host, StartRecordType="A", MaxItems="10"
        )["ResourceRecordSets"]
        for record in records:
            primary = record["Name"] == f"{host}." and record.get("Failover") == "PRIMARY"
            if primary and "HealthCheckId" in record:
                return Failover(host, record["HealthCheckId"])
    return None


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
