"""POST requests to webhook receivers, by the rules of calls: checked addresses, no redirects, a short response.

Unlike a call to an MCP server, a POST has no protocol above HTTP, and any response is a valid result.
"""

import time
from collections.abc import AsyncIterable, Mapping
from typing import NamedTuple, cast

import anyio
import httpcore2
import httpx2

from gateway.egress import Egress
from gateway.errors import EgressRefused, GatewayError
from gateway.retry_after import RETRY_AFTER_STATUS, retry_after_seconds
from infrastructure.clock import now

ANSWER_SECONDS = 10.0
"""Time that a receiver of messages has to respond."""

RESPONSE_BYTES_KEPT = 1_000
_RESPONSE_BYTES_READ = 8 * 1024
"""Enough to read a short page completely, and little even if every byte arrives in a separate chunk."""
_GOOD = range(200, 300)


class PostResult(NamedTuple):
    """The result of a POST. `status` None: no response, for the reason in `error`. `response`: the start of the body.

    `retry_after_seconds`: the delay that a receiver requests with status 429 or 503, if any.
    """

    status: int | None
    latency_ms: int
    error: str | None
    response: str
    retry_after_seconds: float | None = None

    @property
    def delivered(self) -> bool:
        """Return whether the receiver accepted the message."""
        return self.error is None and self.status in _GOOD


async def post(egress: Egress, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> PostResult:
    """Send `body` as JSON and return the response. A failure is a result too; nothing is raised."""
    started = time.monotonic()
    status, error, response, retry_after = None, None, b"", None
    try:
        with anyio.fail_after(timeout_seconds):
            answer = await egress.send(
                httpx2.Request(
                    "POST",
                    url,
                    headers={**headers, "content-type": "application/json", "user-agent": "keyledger"},
                    content=body,
                )
            )
            status = answer.status
            if status in RETRY_AFTER_STATUS:
                retry_after = retry_after_seconds(answer.headers, now())
            response = await _beginning(answer)
    except TimeoutError:
        status, error = None, f"No answer within {timeout_seconds:g} s"
    except EgressRefused as refused:
        error = str(refused.detail or refused)
    except GatewayError as failed:
        error = str(failed.detail or failed)
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
        error = "No connection could be made"
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
        error = None if status is not None else "The connection broke before there was an answer"
    latency_ms = round((time.monotonic() - started) * 1_000)
    # PostgreSQL cannot store U+0000 in a text.
    text = response[:RESPONSE_BYTES_KEPT].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return PostResult(status, latency_ms, error, text, retry_after)


async def _beginning(answer: httpcore2.Response) -> bytes:
    """Return the start of the body. The rest is not read: the connection is closed instead of reused."""
    received = bytearray()
    try:
        async for chunk in cast("AsyncIterable[bytes]", answer.stream):
            received += chunk
            if len(received) >= _RESPONSE_BYTES_READ:
                break
    finally:
        await answer.aclose()
    return bytes(received)
