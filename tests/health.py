"""A health check on the loopback, for what asks the API whether it is well."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Health:
    """It answers 503 so many times, and 200 from then on."""

    def __init__(self) -> None:
        self.failures, self.asked = 0, 0
        health = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                health.asked += 1
                self.send_response(200 if health.asked > health.failures else 503)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/health"


@contextmanager
def running_health() -> Iterator[Health]:
    made = Health()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()
