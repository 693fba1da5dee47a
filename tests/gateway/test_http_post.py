"""Receivers that respond badly use only a bounded amount of memory and time."""

import asyncio
import tracemalloc
import zlib
from collections.abc import Iterator

import anyio
import pytest

from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.http_post import RESPONSE_BYTES_KEPT, PostResult, post
from tests.gateway.conftest import LOOPBACK
from tests.gateway.raw_server import Respond, http, raw_server
from tests.waiting import stretched

pytestmark = pytest.mark.anyio

CHUNK = b"x" * 16_384
SENT_MAX = 32 * 1024 * 1024
"""Bytes in the buffers of two sockets are sent even if the other side reads nothing."""
MEMORY_MAX = 8 * 1024 * 1024
_GZIP = 31
HUGE = 100 * 1024 * 1024 * 1024


async def posted(respond: Respond, seconds: float = 30) -> PostResult:
    """Post, and wait until the connection is closed: the response to one attempt must not outlive it."""
    egress = Egress(GatewayConfig(egress=LOOPBACK))
    try:
        async with raw_server(respond) as url:
            found = await post(egress, url, {}, b"{}", seconds)
            assert not [line for line in egress.connections if "IDLE" not in line]
    finally:
        await egress.aclose()
    return found


@pytest.fixture
def memory() -> Iterator[None]:
    """Fail if memory use exceeded the limit at any time; the server of the test also counts, and stores nothing."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_MAX


class Endless:
    """Respond with 200 and an endless sequence of `chunk`, framed as `head` declares."""

    def __init__(self, head: bytes, chunk: bytes) -> None:
        self._head, self._chunk = head, chunk
        self.sent = 0
        self.broken = asyncio.Event()

    async def __call__(self, _: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n" + self._head)
            while self.sent < SENT_MAX:
                writer.write(self._chunk)
                self.sent += len(self._chunk)
                await writer.drain()
        finally:
            self.broken.set()


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        pytest.param(f"Content-Length: {HUGE}\r\n\r\n".encode(), CHUNK, id="a length of 100 GiB"),
        pytest.param(b"\r\n", CHUNK, id="until the connection ends"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + CHUNK + b"\r\n", id="chunks"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1_000, id="chunks of a byte"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n", CHUNK, id="one chunk of 64 GiB"),
    ],
)
async def test_only_the_start_of_an_endless_response_is_read(head: bytes, chunk: bytes) -> None:
    endless = Endless(head, chunk)
    found = await posted(endless)
    assert (found.status, found.error, found.response) == (200, None, "x" * RESPONSE_BYTES_KEPT)
    with anyio.fail_after(stretched(10)):
        await endless.broken.wait()
    assert endless.sent < SENT_MAX


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        pytest.param(b"", b"X-Header: y\r\n" * 1_000, id="headers"),
        pytest.param(b"X-Header: ", CHUNK, id="one header"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n1;", CHUNK, id="an extension of a chunk"),
    ],
)
async def test_an_endless_header_ends_the_response(head: bytes, chunk: bytes) -> None:
    endless = Endless(head, chunk)
    found = await posted(endless)
    assert found.response == ""
    with anyio.fail_after(stretched(10)):
        await endless.broken.wait()
    assert endless.sent < SENT_MAX


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"])
async def test_a_slow_response_does_not_extend_the_time_limit(head: bytes) -> None:
    """The limit applies even while bytes keep arriving."""
    sent = 0

    async def drip(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(head)
        while True:
            writer.write(b"H" if head == b"" and sent == 0 else b"x")
            sent += 1
            await writer.drain()
            await asyncio.sleep(0.05)

    with anyio.fail_after(stretched(10)):
        found = await posted(drip, seconds=0.5)
    assert not found.delivered
    assert sent > 1 or head == b""


@pytest.mark.usefixtures("memory")
async def test_a_compressed_response_is_not_expanded() -> None:
    compressing = zlib.compressobj(wbits=_GZIP)
    bomb = b"".join(compressing.compress(b"0" * 1_000_000) for _ in range(100)) + compressing.flush()

    async def respond(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(http(200, bomb, Content_Encoding="gzip"))

    found = await posted(respond)
    assert found.delivered
    assert len(found.response) <= RESPONSE_BYTES_KEPT
