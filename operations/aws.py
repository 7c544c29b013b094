"""boto3 as every runbook and function uses it: retries, pages, waits with progress."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import boto3
import botocore.exceptions
from botocore.config import Config

from operations.errors import OperationError

# botocore's user guide, "Retries": the standard mode backs off and knows every throttling code.
ATTEMPTS: Final = 8

_FAILURES: Final = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Aws:
    """Clients of one account and region.

    Endpoints come from the environment alone (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>`), so
    that the same code works on the local cloud.
    """

    region: str
    profile: str | None = None
    _clients: dict[tuple[str, str, int], Any] = field(default_factory=dict, repr=False)

    @cached_property
    def _session(self) -> boto3.Session:
        try:
            return boto3.Session(profile_name=self.profile, region_name=self.region)
        except botocore.exceptions.ProfileNotFound as error:
            raise OperationError(f"{error}; see `aws configure list-profiles`") from None

    def client(self, service: str, region: str | None = None, *, attempts: int = ATTEMPTS) -> Any:
        """A client of the service, the same one each time."""
        key = (service, region or self.region, attempts)
        if key not in self._clients:
            self._clients[key] = self._session.client(  # type: ignore[call-overload]
                service,
                region_name=key[1],
                config=Config(retries={"mode": "standard", "max_attempts": attempts}),
            )
        return self._clients[key]

    def pages(self, service: str, operation: str, items: str, **parameters: Any) -> Iterator[Any]:
        """Every item of every page of a listing."""
        paginator = self.client(service).get_paginator(operation)
        for page in paginator.paginate(**parameters):
            yield from page.get(items, [])

    @cached_property
    def caller(self) -> str:
        """The ARN of whoever runs this."""
        return str(self.client("sts").get_caller_identity()["Arn"])

    @cached_property
    def account_id(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])


def error_code(error: BaseException) -> str:
    """AWS's code of an error, such as `DBSnapshotNotFound`; empty for anything else."""
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def is_aws_failure(error: BaseException) -> bool:
    """Whether AWS refused a call, or could not be reached."""
    return isinstance(error, _FAILURES)


def or_none(call: Callable[[], _Answer], *missing: str) -> _Answer | None:
    """What a call answers, or None where AWS says with one of these codes that it is not there."""
    try:
        return call()
    except botocore.exceptions.ClientError as error:
        if error_code(error) in missing:
            return None
        raise


def wait_until(
    ready: Callable[[], bool],
    *,
    what: str,
    seconds: float,
    interval: float,
    tell: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait longer than botocore's own waiters do, and say so now and then.

    Raises:
        OperationError: it is not ready after `seconds`; waiting again goes on.
    """
    begun = clock()
    while not ready():
        waited = clock() - begun
        if waited >= seconds:
            raise OperationError(
                f"{what} is not ready after {seconds / 60:.0f} minutes; it may still become so: "
                "run the command again, which goes on waiting"
            )
        tell(f"waiting for {what}, {waited:.0f} s")
        sleep(interval)
