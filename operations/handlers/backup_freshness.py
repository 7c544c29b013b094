"""`aussie-markets-backup-freshness-<env>`: whether the backups that there should be are there."""

from typing import Any

from operations.backup import verify_backup
from operations.handlers.surroundings import context, setting, succeeded
from operations.parameters import verify_parameters_backup


def handler(_: dict[str, Any], __: object) -> dict[str, str]:
    """Backups of ours, points in time of RDS, and parameters.

    Raises:
        OperationError: with what is wrong, so that the function's error alarm rings.
    """
    where = context()
    backup = verify_backup(where)
    key = verify_parameters_backup(where, setting("EXPORT_BUCKET"))
    succeeded(where, "backup-freshness")
    return {"database": backup.id, "parameters": key}
