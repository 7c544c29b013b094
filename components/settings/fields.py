"""What sections are made of: their base, fields that several have, how a value is rejected."""

from dataclasses import dataclass
from typing import Annotated, Final, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt
from pydantic_core import PydanticCustomError

# CloudWatch Logs, PutRetentionPolicy: every other number of days is refused.
LOG_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# Of instances in RDS and ElastiCache alike.
BURSTABLE_SIZES: Final = ("micro", "small", "medium", "large", "xlarge", "2xlarge")
FIXED_SIZES: Final = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")


@dataclass(frozen=True)
class Problem:
    """One wrong value.

    `allowed` never contains configured values; `hint` may, and is left out for secrets.
    `index` names the wrong item of a list, or the wrong field of a section. A `hidden` value may
    be a secret, and is not shown.
    """

    allowed: str
    hint: str = ""
    index: int | str | None = None
    hidden: bool = False


def reject(*problems: Problem) -> NoReturn:
    """Reject the field under validation; a validator can raise only once, hence the bundle."""
    raise PydanticCustomError("setting", "rejected", {"problems": problems})


def _check_retention(days: int) -> int:
    if days not in LOG_RETENTION_DAYS:
        following = next((allowed for allowed in LOG_RETENTION_DAYS if allowed > days), None)
        hint = f"the next longer one is {following}" if following else "3653 is the longest"
        if days == 7 * 365:
            hint = "seven years are 2557 days, with the leap days"
        listed = ", ".join(str(allowed) for allowed in LOG_RETENTION_DAYS)
        reject(Problem(f"one of CloudWatch's {listed}", hint))
    return days


class Section(BaseModel):
    """Base of every section; a field's description says what is allowed and is shown to users."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


LogRetentionDays = Annotated[StrictInt, AfterValidator(_check_retention)]
Version = Annotated[StrictInt, Field(ge=1, le=999)]
