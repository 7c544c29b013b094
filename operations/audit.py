"""The audit log: what commands that change something are about to do, and how they ended."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from operations.aws import Aws, or_none
from operations.platform import Platform

STREAM: Final = "operations"


def write_audit_line(aws: Aws, platform: Platform, entry: Mapping[str, Any]) -> None:
    """Append `entry` with time, caller and environment; it holds no secret."""
    logs = aws.client("logs")
    where = {"logGroupName": platform.audit_log_group, "logStreamName": STREAM}
    or_none(lambda: logs.create_log_stream(**where), "ResourceAlreadyExistsException")
    line = {
        "event": "operation",
        "environment": platform.environment,
        "by": aws.caller,
        **entry,
    }
    milliseconds = int(time.time() * 1000)
    event = {"timestamp": milliseconds, "message": json.dumps(line, default=str)}
    logs.put_log_events(**where, logEvents=[event])
