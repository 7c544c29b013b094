"""The hosted zone and the certificate of the API's host."""

from typing import Any

import pytest

from components.domain import Domain, DomainArgs
from tests.unit.conftest import Deployment, deploy, settings_of

DOMAIN = "aussie-markets:domain:Domain"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
LOOKUP = "aws:route53/getZone:getZone"

BOTH = pytest.mark.parametrize("stack", ["staging", "production"])


def domain(stack: str = "staging", *, preview: bool = False, **values: Any) -> Deployment:
    settings = settings_of(stack, {"domain": values})

    def program() -> None:
        Domain("domain", DomainArgs(environment=settings.environment, settings=settings.domain))

    return deploy(program, stack, preview=preview)


def host(stack: str) -> str:
    return "api.aussie-markets.com" if stack == "production" else f"{stack}-api.aussie-markets.com"


@BOTH
@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("zone", ["lookup", "create"])
def test_options_of_the_children(stack: str, preview: bool, zone: str) -> None:
    deployment = domain(stack, preview=preview, zone=zone)
    component = deployment.only(DOMAIN)
    children = [resource for resource in deployment.resources if resource is not component]
    created = [ZONE] if zone == "create" else []
    assert sorted(child.type for child in children) == sorted(
        [*created, RECORD, CERTIFICATE, VALIDATION]
    )
    for child in children:
        assert child.parent == component.urn
        assert child.name.startswith("domain-")
        assert not child.protect
        assert not child.retain_on_delete
        assert not child.delete_before_replace
        assert child.ignore_changes == ()


@BOTH
def test_the_certificate_waits_for_its_proof(stack: str) -> None:
    deployment = domain(stack)
    assert deployment.only(CERTIFICATE).inputs == {
        "domainName": host(stack),
        "validationMethod": "DNS",
    }
    assert deployment.only(RECORD).inputs == {
        "zoneId": "found-zone-id",
        "name": f"_proof.{host(stack)}",
        "type": "CNAME",
        "records": [f"_proof-of-{host(stack)}.acm.example"],
        "allowOverwrite": True,
        "ttl": 300,
    }
    assert deployment.only(VALIDATION).inputs == {
        "certificateArn": "arn:aws:mock:::certificate/domain-api-arn",
        "validationRecordFqdns": ["domain-api-validation.record.example"],
    }


@BOTH
def test_what_others_get(stack: str) -> None:
    deployment = domain(stack)
    assert deployment.outputs[deployment.only(DOMAIN).urn] == {
        "zone_id": "found-zone-id",
        "zone_name": "aussie-markets.com",
        "name_servers": ["ns.found.example"],
        "certificate_arn": "arn:aws:mock:::certificate/domain-api-arn",
        "validation_record_fqdn": "domain-api-validation.record.example",
        "api_host": host(stack),
    }
    assert [token for token, _ in deployment.invokes] == [LOOKUP]


def test_a_zone_of_its_own() -> None:
    deployment = domain("demo", name="demo.example.org", zone="create")
    assert deployment.only(ZONE).inputs == {
        "name": "demo.example.org",
        "comment": "Aussie Markets, demo",
    }
    assert deployment.invokes == []
    assert deployment.only(RECORD).inputs["zoneId"] == "domain-zone-zone-id"
    assert deployment.only(CERTIFICATE).inputs["domainName"] == "demo-api.demo.example.org"
    outputs = deployment.outputs[deployment.only(DOMAIN).urn]
    assert outputs["name_servers"] == ["ns.domain-zone.example"]


def test_another_host() -> None:
    deployment = domain("recovery", api_host="api.aussie-markets.com")
    assert deployment.only(CERTIFICATE).inputs["domainName"] == "api.aussie-markets.com"
