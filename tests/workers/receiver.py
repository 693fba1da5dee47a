"""A webhook receiver that verifies and stores messages and responds as a test configures."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

Answer = Callable[["Received"], int]
"""Return the response status for a message, or `NO_RESPONSE`."""

NO_RESPONSE = 0
"""Close the connection without a response."""


@dataclass(frozen=True)
class Received:
    """A received message, with the number of secrets that match it and the number of its earlier attempts."""

    id: str
    body: dict[str, Any]
    headers: dict[str, str]
    valid: int
    before: int
    path: str


@dataclass
class Receiver:
    url: str
    secrets: list[str] = field(default_factory=list[str])
    answer: Answer = lambda _: 204
    response: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    received: list[Received] = field(default_factory=list[Received])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ids(self, event: str | None = None) -> list[str]:
        with self.lock:
            return [each.id for each in self.received if event is None or each.body.get("event") == event]

    def receive(self, path: str, headers: dict[str, str], content: bytes) -> int:
        with self.lock:
            message_id = headers.get("webhook-id", "")
            received = Received(
                id=message_id,
                body=msgspec.json.decode(content),
                headers=headers,
                valid=sum(_is_valid(secret, content, headers) for secret in self.secrets),
                before=sum(each.id == message_id for each in self.received),
                path=path,
            )
            self.received.append(received)
        return self.answer(received)


@contextmanager
def receiver() -> Generator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = target.receive(self.path, headers, content)
            if status == NO_RESPONSE:
                return
            with suppress(ConnectionError):  # the sender may have been killed meanwhile
                self.send_response(status)
                for name, value in target.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(target.response)))
                self.end_headers()
                self.wfile.write(target.response)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- likewise
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    target = Receiver(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hang(seconds: float) -> Answer:
    def answer(_: Received) -> int:
        time.sleep(seconds)
        return 204

    return answer


def _is_valid(secret: str, content: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(content, headers)
    except WebhookVerificationError:
        return False
    return True
