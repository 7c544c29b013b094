"""The server of functions and schedules: ministack, in the environment that has it.

Run as `python -m local.functions_server` by ministack's own Python, without our packages. Two
additions, as moto has them in `emulator.py`: a repeated idempotency token gets its first answer,
and the server says which instance it is.
"""

import argparse
import asyncio
import os
import signal
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from local.locks import is_running
from local.servers import HOST, INSTANCE_PATH

_ACCOUNT: Final = "123456789012"
_REGION: Final = "ap-southeast-2"
_POLL_SECONDS: Final = 1

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]


class Idempotent:
    """ASGI: a token that was answered before gets the same answer, and nothing happens again."""

    def __init__(self, application: Application, instance: str) -> None:
        self._application = application
        self._instance = instance
        self._answers: dict[bytes, list[Message]] = {}
        self._locks: dict[bytes, asyncio.Lock] = {}

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send
    ) -> None:
        if scope.get("path") == INSTANCE_PATH:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": self._instance.encode()})
            return
        token = dict(scope.get("headers", [])).get(b"x-idempotency-token")
        if token is None:
            await self._application(scope, receive, send)
            return
        async with self._locks.setdefault(token, asyncio.Lock()):
            answer = self._answers.get(token)
            if answer is None:
                answer = []
                await self._application(scope, receive, _keeper(answer))
                if 200 <= answer[0]["status"] < 300:
                    self._answers[token] = answer
        for message in answer:
            await send(message)


def _keeper(answer: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        answer.append(message)

    return keep


def serve(port: int, instance: str, emulator: str) -> None:
    own = f"http://{HOST}:{port}"
    # Functions inherit it: what they call is in the other emulator, these two services apart.
    os.environ.update(
        AWS_ENDPOINT_URL=emulator,
        AWS_ENDPOINT_URL_LAMBDA=own,
        AWS_ENDPOINT_URL_SCHEDULER=own,
        GATEWAY_PORT=str(port),
        MINISTACK_ACCOUNT_ID=_ACCOUNT,
        MINISTACK_REGION=_REGION,
        SERVICES="lambda,scheduler",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
    )
    from hypercorn.asyncio import serve as run
    from hypercorn.config import Config
    from ministack import app
    from ministack.core import lambda_runtime

    from local import functions_repairs

    functions_repairs.repair()
    config = Config()
    config.bind = [f"{HOST}:{port}"]

    def end() -> None:
        lambda_runtime.reset()  # ends the functions that run
        os._exit(0)

    async def until_ended() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        await run(Idempotent(app.app, instance), config, shutdown_trigger=asyncio.Event().wait)

    asyncio.run(until_ended())


def _end_with(process: int) -> None:
    """Functions without the emulator that holds all else could only fail."""
    while is_running(str(process)):
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve functions and schedules on the loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True, help="URL of the emulator of all else")
    parser.add_argument("--beside", type=int, required=True, help="that emulator's process")
    parser.add_argument("--instance", default=str(uuid.uuid4()), help="default: a new one")
    arguments = parser.parse_args()
    threading.Thread(target=_end_with, args=(arguments.beside,), daemon=True).start()
    serve(arguments.port, arguments.instance, arguments.emulator)
