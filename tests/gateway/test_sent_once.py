"""A call that may have been executed is never repeated; a recording server counts the requests in every failure."""

import asyncio

import pytest

from gateway.config import GatewayConfig
from gateway.errors import GatewayError
from gateway.gateway import Gateway
from gateway.upstream import NoCredential, Upstream
from tests.gateway.conftest import LOOPBACK
from tests.gateway.raw_server import http, raw_server
from tests.gateway.recording import Recording, Write, responds_with, responds_with_error

pytestmark = pytest.mark.anyio


def _closes(_body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


def _resets(_body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def _ends_half_way(_body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
    writer.close()


def _ends_its_stream(_body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 7\nretry: 10\ndata:\n\n")
    writer.close()


async def _is_silent(_body: bytes, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


FAILURES: dict[str, Write] = {
    **{
        f"error {code}": responds_with_error(code, "no", 200)
        for code in (-32020, -32602, -32601, -32603, -32000, -32001, -32022, 7)
    },
    **{f"error {code} with HTTP 400": responds_with_error(code, "no", 400) for code in (-32020, -32022, -32602)},
    **{
        f"HTTP {status}": responds_with(lambda _, status=status: http(status))
        for status in (400, 401, 404, 408, 429, 500, 502, 503)
    },
    "redirect": responds_with(lambda _: http(307, Location="/again")),
    "no answer": responds_with(lambda _: http(202)),
    "garbage": responds_with(lambda _: http(200, b"{")),
    "html": responds_with(lambda _: http(200, b"<html>", "text/html")),
    "closes": _closes,
    "resets": _resets,
    "ends half way": _ends_half_way,
    "ends its stream": _ends_its_stream,
    "silent": _is_silent,
}


@pytest.mark.parametrize("modern", [True, False], ids=["2026", "older"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_call_is_sent_once_in_every_failure(failure: str, modern: bool) -> None:  # noqa: FBT001
    recording = Recording(FAILURES[failure], modern=modern)
    async with raw_server(recording.respond) as url, Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        with pytest.raises(GatewayError):
            await gateway.call_tool(Upstream(url, NoCredential()), "t", {"a": 1}, timeout_seconds=1)
        assert recording.calls == 1
        assert "tools/list" not in recording.methods


async def test_a_response_whose_stream_ended_early_is_resumed_without_another_call() -> None:
    recording = Recording(_ends_its_stream, modern=False)

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if method == "GET":
            assert headers["last-event-id"] == "7"
            event = b'id: 8\ndata: {"jsonrpc":"2.0","id":3,"result":{"content":[]}}\n\n'
            writer.write(http(200, event, "text/event-stream"))
        else:
            await recording.respond(method, headers, body, writer)

    async with raw_server(respond) as url, Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        result = await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)
    assert result.result == {"content": []}
    assert recording.calls == 1
