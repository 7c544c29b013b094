"""Settings of what all services of the API share."""

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from components.settings.fields import Section
from components.settings.stack import AccountId, Region


class LoadBalancerSettings(Section):
    """The load balancer before the HTTP services."""

    deletion_protection: StrictBool = Field(
        description="true or false; false also lets a destroy empty the bucket of access logs"
    )
    # Application Load Balancers user guide, "Connection idle timeout".
    idle_timeout_seconds: Annotated[StrictInt, Field(ge=1, le=4000)] = Field(
        default=60, description="a number of seconds from 1 to 4000"
    )
    access_log_retention_days: Annotated[StrictInt, Field(ge=1, le=3653)] = Field(
        description="a number of days from 1 to 3653"
    )


class RegistrySettings(Section):
    """Where the images are, if not in the stack's own account and region."""

    account_id: AccountId | None = Field(
        default=None, description="an account id of 12 digits, in quotes"
    )
    region: Region | None = Field(
        default=None, description="a commercial AWS region, such as ap-southeast-2"
    )


class ApiSettings(Section):
    """What all services share; each service's own settings are in `services`."""

    load_balancer: LoadBalancerSettings = Field(
        description="a mapping with deletion_protection, idle_timeout_seconds and "
        "access_log_retention_days"
    )
    registry: RegistrySettings = Field(
        default=RegistrySettings(), description="a mapping with account_id and region"
    )
