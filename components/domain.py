"""The domain: hosted zone, and the certificate of the API's host."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.settings.domain import DomainSettings, ZoneSource

# Long enough to be cached, short enough to mend a mistake; ACM looks again for days.
VALIDATION_TTL_SECONDS: Final = 300


@dataclass(frozen=True)
class DomainArgs:
    """Inputs of `Domain`; `settings.enabled` must be true."""

    environment: str
    settings: DomainSettings


class Domain(pulumi.ComponentResource):
    """`aussie-markets:domain:Domain`: the hosted zone and the API's certificate in this region.

    - `aws.route53.Zone`, where the settings say that the stack owns it; else it is looked up.
    - `aws.acm.Certificate` for the API's host.
    - `aws.route53.Record`: ACM's proof of ownership. It is the same for every certificate of this
      host and account, in whatever region: others validate with it, and must not make it again.
    - `aws.acm.CertificateValidation`: ready when the certificate is.
    """

    zone_id: pulumi.Output[str]
    zone_name: str
    name_servers: pulumi.Output[Sequence[str]]
    """To whom the registrar must delegate a zone that this stack created."""
    certificate_arn: pulumi.Output[str]
    """Of the certificate once it is valid."""
    validation_record_fqdn: pulumi.Output[str]
    """The record by which further certificates of the API's host are validated."""
    api_host: str

    def __init__(
        self, name: str, args: DomainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aussie-markets:domain:Domain", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        self.zone_name = settings.name
        self.api_host = settings.api_host_of(args.environment)

        if settings.zone is ZoneSource.CREATE:
            zone = aws.route53.Zone(
                f"{name}-zone",
                name=settings.name,
                comment=f"Aussie Markets, {args.environment}",
                opts=child,
            )
            self.zone_id, self.name_servers = zone.zone_id, zone.name_servers
        else:
            found = aws.route53.get_zone_output(
                name=settings.name, private_zone=False, opts=pulumi.InvokeOptions(parent=self)
            )
            self.zone_id, self.name_servers = found.zone_id, found.name_servers

        certificate = aws.acm.Certificate(
            f"{name}-api",
            domain_name=self.api_host,
            validation_method="DNS",
            opts=child,
        )
        record = validation_record(
            f"{name}-api-validation", certificate, self.api_host, self.zone_id, child
        )
        valid = aws.acm.CertificateValidation(
            f"{name}-api-valid",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=child,
        )
        self.certificate_arn = valid.certificate_arn
        self.validation_record_fqdn = record.fqdn
        self.register_outputs(
            {
                "zone_id": self.zone_id,
                "zone_name": self.zone_name,
                "name_servers": self.name_servers,
                "certificate_arn": self.certificate_arn,
                "validation_record_fqdn": self.validation_record_fqdn,
                "api_host": self.api_host,
            }
        )


def validation_record(
    name: str,
    certificate: aws.acm.Certificate,
    host: str,
    zone_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> aws.route53.Record:
    """The record that proves to ACM that `host`, one name of `certificate`, is ours."""
    # ACM lists the names of a certificate in no order.
    option = certificate.domain_validation_options.apply(
        lambda options: next(each for each in options if each.domain_name == host)
    )
    return aws.route53.Record(
        name,
        zone_id=zone_id,
        name=option.resource_record_name,
        type=option.resource_record_type,
        records=[option.resource_record_value],
        ttl=VALIDATION_TTL_SECONDS,
        # The same for every certificate of this host: a stack that takes over from one whose
        # region is lost finds it there.
        allow_overwrite=True,
        opts=opts,
    )
