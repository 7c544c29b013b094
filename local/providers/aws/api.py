"""boto3 against the emulator: clients, templates, errors that say what to do."""

import contextlib
import contextvars
import os
import re
import threading
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import jmespath
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
)
from botocore.exceptions import (
    ConnectionError as ConnectionFailedError,
)
from botocore.model import StructureShape

from local.providers.aws.rows import Call

IDEMPOTENCY_HEADER = "X-Idempotency-Token"

_MISSING = re.compile(r"NotFound|NoSuch|DoesNotExist|NotAttached|Nonexistent|NonExistent")
# ECS and GuardDuty say so under a general code, the emulator's autoscaling under a wrong one.
_MISSING_REASON = re.compile(
    r"Unable to describe task definition|No scal(able target|ing policy) found for"
    r"|is not owned by the current account"
)

_token: contextvars.ContextVar[str | None] = contextvars.ContextVar("token", default=None)


class ApiError(Exception):
    """An operation that did not go through, with AWS's own code and reason."""


class MissingError(ApiError):
    """What the operation is about does not exist (any more)."""


class Api:
    """The AWS API of one region in the emulator."""

    def __init__(self, region: str, account: str = "") -> None:
        self.region = region
        # What the checks of this run learned of resources that do not exist yet.
        self.noted: dict[tuple[str, str], Any] = {}
        self._account = account
        self._clients: dict[tuple[str, str], BaseClient] = {}
        self._lock = threading.Lock()

    @property
    def account(self) -> str:
        if not self._account:
            # Asked within a creation, the answer would be remembered as that of the creation.
            with idempotent(None):
                identity = self.call("sts", Call("get_caller_identity"), {})
            self._account = str(identity["Account"])
        return self._account

    def client(self, service: str, region: str | None = None) -> BaseClient:
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                client = boto3.client(
                    service,  # type: ignore[call-overload]
                    region_name=key[1],
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 3},
                        max_pool_connections=32,
                    ),
                )
                client.meta.events.register("before-call", _add_token)
                client.meta.events.register("before-call.s3-control", _without_account_in_host)
                self._clients[key] = client
            return self._clients[key]

    def input_shape(self, service: str, operation: str) -> StructureShape:
        client = self.client(service)
        model = client.meta.service_model.operation_model(
            client.meta.method_to_api_mapping[operation]
        )
        return model.input_shape or StructureShape("Empty", {"type": "structure"})

    def call(
        self,
        service: str,
        call: Call,
        scope: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The operation's answer; `params` join the call's own, which are filled from `scope`.

        A structure in both is one of the members of both.

        Raises:
            ApiError: AWS's code and reason, or that the emulator is not there.
        """
        arguments = dict(params or {})
        for name, value in self.fill(call.params, scope).items():
            given = arguments.get(name)
            if isinstance(value, dict) and isinstance(given, dict):
                value = {**given, **value}
            arguments[name] = value
        operation = f"{service}:{call.operation}"
        region = call.in_region(dict(scope)) if call.in_region is not None else None
        try:
            return dict(getattr(self.client(service, region), call.operation)(**arguments))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            reason = error.response.get("Error", {}).get("Message", str(error))
            if code == "404" and call.operation.startswith("head_"):  # an answer without a body
                raise MissingError(f"{operation} refused: {reason}") from error
            if "<!doctype html" in reason.lower() or code.isdigit():
                raise ApiError(
                    f"the emulator does not implement {operation}; docs/local-cloud.md says what "
                    "can be done in the stand-in"
                ) from error
            missing = _MISSING.search(code) or _MISSING_REASON.search(reason)
            kind = MissingError if missing else ApiError
            raise kind(f"{operation} refused: {code}: {reason}") from error
        except (ConnectionFailedError, HTTPClientError) as error:
            endpoint = self.client(service, region).meta.endpoint_url
            raise ApiError(
                f"{operation}: the emulator at {endpoint} does not answer; run `make up` again, "
                "which starts it and rebuilds what it held"
            ) from error
        except BotoCoreError as error:
            raise ApiError(f"{operation} failed: {error}") from error

    def fill(self, template: Any, scope: Mapping[str, Any]) -> Any:
        """`template` with its placeholders replaced, see `rows.Call`."""
        if isinstance(template, Mapping):
            return {key: self.fill(item, scope) for key, item in template.items()}
        if isinstance(template, list | tuple):
            return [self.fill(item, scope) for item in template]
        if not isinstance(template, str) or "{" not in template:
            return template
        whole = re.fullmatch(r"\{(\w+)\}", template)
        values = _Scope(self, scope)
        return values[whole[1]] if whole else template.format_map(values)

    def find(self, expression: str, answer: Any, scope: Mapping[str, Any]) -> Any:
        """JMESPath `expression`, itself a template with doubled braces for JMESPath's own."""
        return jmespath.search(str(self.fill(expression, scope)), answer)


class _Scope(dict[str, Any]):
    """Properties, with the account and the region; the account is asked for when first used."""

    def __init__(self, api: Api, scope: Mapping[str, Any]) -> None:
        super().__init__(scope)
        self._api = api

    def __missing__(self, key: str) -> Any:
        if key == "region":
            return self._api.region
        if key == "account":
            return self._api.account
        if key == "unique":
            return str(uuid.uuid4())
        raise LookupError(f"the table names {{{key}}}, which this resource does not have")


@contextlib.contextmanager
def idempotent(token: str | None) -> Iterator[None]:
    """Calls inside are answered once for all repetitions of `token`, without one each time."""
    reset = _token.set(token)
    try:
        yield
    finally:
        _token.reset(reset)


def _add_token(params: dict[str, Any], **_: object) -> None:
    token = _token.get()
    if token is not None:
        params["headers"][IDEMPOTENCY_HEADER] = token


def _without_account_in_host(params: dict[str, Any], **_: object) -> None:
    """S3 Control puts the account before the host, which an IP address does not resolve with."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint is not None:
        path = urllib.parse.urlsplit(params["url"])._replace(scheme="", netloc="").geturl()
        params["url"] = endpoint.rstrip("/") + path
