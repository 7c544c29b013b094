"""Settings of the domain."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool, ValidationInfo, field_validator

from components.settings.fields import Problem, Section, reject
from components.settings.stack import StackSection

# ACM, RequestCertificate: the first name of a certificate has at most 64 characters. The longest
# host here is `<environment>-assets.<name>`, with an environment of 16.
LONGEST_HOST: Final = 64
LONGEST_NAME: Final = LONGEST_HOST - len("-assets.") - 16

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = rf"^{_LABEL}(\.{_LABEL})+$"
DomainName = Annotated[str, Field(pattern=_NAME, max_length=LONGEST_NAME)]


class ZoneSource(StrEnum):
    """Where the hosted zone comes from."""

    LOOKUP = "lookup"
    CREATE = "create"


class DomainSettings(Section):
    """The hosted zone, and the hosts inside it."""

    enabled: StrictBool = Field(
        default=True,
        description="true or false; without a domain there is no certificate, so the API is "
        "served by HTTP, and neither static assets nor a failover exist",
    )
    # Deployment documentation, "Disaster Recovery".
    name: DomainName = Field(
        default="aussie-markets.com",
        description=f"a domain in lower case of at most {LONGEST_NAME} characters, such as "
        "aussie-markets.com",
    )
    # One zone serves all environments, so none of them owns it.
    zone: ZoneSource = Field(
        default=ZoneSource.LOOKUP,
        description="lookup (a public hosted zone of this name exists in the account) or create "
        "(this stack owns it, and the name must then be delegated to its name servers)",
    )
    api_host: Annotated[str, Field(pattern=_NAME, max_length=LONGEST_HOST)] | None = Field(
        default=None,
        description=f"a host inside the domain, in lower case and of at most {LONGEST_HOST} "
        "characters, such as api.aussie-markets.com",
    )

    @field_validator("api_host")
    @classmethod
    def _host_is_inside_the_domain(cls, host: str | None, info: ValidationInfo) -> str | None:
        name = info.data.get("name")
        if host is not None and name is not None and not host.endswith(f".{name}"):
            reject(Problem("a host inside the domain", f"one that ends with .{name}"))
        return host

    def api_host_of(self, environment: str) -> str:
        """Where the API answers: deployment documentation, "Production Migration Process"."""
        return self.api_host or self._host("api", environment)

    def assets_host_of(self, environment: str) -> str:
        """Where the static assets are."""
        return self._host("assets", environment)

    def _host(self, service: str, environment: str) -> str:
        label = service if environment == "production" else f"{environment}-{service}"
        return f"{label}.{self.name}"


def check_domain(domain: DomainSettings, stack: StackSection) -> None:
    """Reject what would serve production's users without encryption."""
    if not domain.enabled and stack.environment == "production":
        reject(Problem("true in production, whose API must have a certificate", index="enabled"))
