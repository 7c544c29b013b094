"""Settings of the stack as a whole."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool

from components.settings.fields import Problem, Section, reject


def _parse_account_id(value: object) -> str:
    # Unquoted ids arrive as numbers. A number of twelve digits cannot have lost a leading zero.
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{12}", text):
        reject(Problem("an account id of 12 digits, in quotes"))
    return text


AccountId = Annotated[str, BeforeValidator(_parse_account_id)]
# Service names and ARNs are those of the commercial partition.
Region = Annotated[
    str, Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-(north|south|east|west|central)+-\d$")
]
# Part of names; with 16 characters the longest auto-name of a role stays below IAM's 64.
EnvironmentName = Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])+$", max_length=16)]


class StackSection(Section):
    """Where the stack is deployed, and for whom."""

    environment: EnvironmentName = Field(
        description="2 to 16 lower-case letters, digits and single hyphens, a letter first "
        "(without this setting it is the stack's name)"
    )
    # Deployment documentation, "AWS Account Setup".
    region: Region = Field(
        default="ap-southeast-2", description="a commercial AWS region, such as ap-southeast-2"
    )
    # Empty means whatever account the credentials belong to.
    allowed_account_ids: tuple[AccountId, ...] = Field(
        default=(), description="a list of account ids, each of 12 digits in quotes"
    )
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.:/=+@-]+$", max_length=256)] = Field(
        default="platform",
        description="a tag value: 1 to 256 letters, digits, spaces and _ . : / = + - @",
    )
    # A role that a deploy role makes may do no more than this boundary, whatever its policies say.
    role_boundary: StrictBool = Field(
        default=True,
        description="true (each role gets the boundary that the account's stack makes for this "
        "environment; deploy roles may make no others) or false",
    )
