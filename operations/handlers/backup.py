"""`aussie-markets-backup-<env>`: the daily backup, begun at night and followed to its end."""

from typing import Any, Final

from operations.daily_backup import Target, advance, begin
from operations.errors import InputError
from operations.handlers.surroundings import context, setting, succeeded

BEGIN: Final = "begin"
GO_ON: Final = "go on"


def handler(event: dict[str, Any], _: object) -> dict[str, str]:
    """`{"step": "begin"}` takes the day's snapshot; `{"step": "go on"}` exports and records it.

    Raises:
        InputError: another event.
    """
    step, where = event.get("step"), context()
    if step == BEGIN:
        return {begin(where): "begun"}
    if step != GO_ON:
        raise InputError(f"step {step!r}: must be {BEGIN!r} or {GO_ON!r}")
    target = Target(bucket=setting("EXPORT_BUCKET"), role_arn=setting("EXPORT_ROLE_ARN"))
    return advance(where, target, tell=lambda: succeeded(where, "backup"))
