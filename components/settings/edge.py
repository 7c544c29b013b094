"""Settings of the content delivery network and the failover."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from components.settings.fields import Section


class PriceClass(StrEnum):
    """Which of CloudFront's locations answer; only all of them include Australia's."""

    ALL = "PriceClass_All"
    MOST = "PriceClass_200"
    CHEAPEST = "PriceClass_100"


class EdgeSettings(Section):
    """CloudFront before the static assets, and the health check of the API."""

    # What is before the hosts is global, and outlives the region of the stack that made it.
    enabled: StrictBool = Field(
        default=True,
        description="true, or false where another stack's edge and assets serve the hosts",
    )
    price_class: PriceClass = Field(
        default=PriceClass.ALL,
        description="PriceClass_All, PriceClass_200 or PriceClass_100; the last two leave "
        "Australia out",
    )
    # Assets are parts of pages and no pages, so a browser that opens one as such runs nothing.
    content_security_policy: Annotated[str, Field(pattern=r"^[!-~]+( [!-~]+)*$")] = Field(
        default="default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'; "
        "frame-ancestors 'none'",
        description="a Content-Security-Policy in printable ASCII with single spaces",
    )
    # Route 53, CreateHealthCheck: no other interval exists. With three failures the API's users
    # see the status page after 90 or 30 seconds, and the short one costs more.
    health_check_interval_seconds: Literal[10, 30] = Field(
        default=30, description="10 or 30 seconds"
    )
    log_retention_days: Annotated[StrictInt, Field(ge=1, le=3650)] = Field(
        description="a number of days from 1 to 3650"
    )
