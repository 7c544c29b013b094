"""Settings of the static assets' buckets."""

from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictInt

from components.settings.fields import Problem, Section, reject
from components.settings.stack import Region, StackSection

# The regions of Australia. Melbourne must be opted into once per account.
SYDNEY: Final = "ap-southeast-2"
MELBOURNE: Final = "ap-southeast-4"


class AssetsSettings(Section):
    """The bucket of the static assets, and its replica in a second region."""

    replica_region: Region | None = Field(
        default=None,
        description="a commercial AWS region other than the stack's, such as ap-southeast-4 "
        "(without this setting it is the other region of Australia)",
    )
    deletion_protection: StrictBool = Field(description="true or false")
    # As long as a mistake may go unnoticed between two releases.
    old_version_days: Annotated[StrictInt, Field(ge=1, le=3650)] = Field(
        default=90,
        description="a number of days from 1 to 3650, for which overwritten and deleted assets "
        "can be brought back",
    )

    def replica_region_of(self, region: str) -> str:
        """Where the replica of a stack in `region` is."""
        return self.replica_region or (SYDNEY if region == MELBOURNE else MELBOURNE)


def check_assets(assets: AssetsSettings, stack: StackSection) -> None:
    """Reject a replica that would be lost together with what it replicates."""
    if assets.replica_region == stack.region:
        reject(Problem("another region than aussie-markets:stack.region", index="replica_region"))
