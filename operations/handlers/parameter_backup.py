"""`aussie-markets-parameter-backup-<env>`: Parameter Store, once an hour."""

from typing import Any

from operations.handlers.surroundings import context, setting, succeeded
from operations.parameters import backup_parameters


def handler(_: dict[str, Any], __: object) -> dict[str, str]:
    where = context()
    key = backup_parameters(where, setting("EXPORT_BUCKET"))
    succeeded(where, "parameter-backup")
    return {"key": key}
