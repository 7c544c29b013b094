"""Whether a role lets a service assume it, which AWS checks and the emulator does not."""

import json
from typing import Any

from local.providers.aws.api import Api, MissingError
from local.providers.aws.rows import Call


def admits(api: Api, role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy lets `service` in."""
    try:
        name = role_arn.rsplit("/", 1)[-1]
        role = api.call("iam", Call("get_role"), {}, {"RoleName": name})["Role"]
    except MissingError:
        return False
    document = role["AssumeRolePolicyDocument"]
    document = json.loads(document) if isinstance(document, str) else document
    return any(_admits(statement, service) for statement in _listed(document.get("Statement")))


def _admits(statement: dict[str, Any], service: str) -> bool:
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service")) if isinstance(principal, dict) else []
    actions = _listed(statement.get("Action"))
    return (
        statement.get("Effect") == "Allow"
        and service in services
        and any(action in ("sts:AssumeRole", "sts:*", "*") for action in actions)
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
