"""Upstreams that respond badly, each a real HTTP server."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import GatewayConfig
from gateway.errors import (
    GatewayError,
    InvalidArguments,
    ResponseTooLarge,
    ToolNotFound,
    UpstreamConnectionLost,
    UpstreamError,
    UpstreamTimeout,
)
from gateway.gateway import Gateway
from gateway.upstream import Bearer, Credential, NoCredential, Upstream
from tests.gateway.conftest import LOOPBACK, stored_catalogue
from tests.gateway.raw_server import Respond, answer, http, raw_server, refusal

pytestmark = pytest.mark.anyio

DISCOVERED: dict[str, Any] = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "private",
}
TOOLS: dict[str, Any] = {
    "tools": [{"name": "t", "inputSchema": {"type": "object", "required": ["a"]}}],
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "private",
}
NOTIFICATION = (
    b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"'
    + b"x" * 900
    + b'"}}\n\n'
)
NO_TOOLS: dict[str, Any] = {**TOOLS, "tools": []}
Answer = Callable[[bytes], bytes]


async def _call(
    url: str,
    credential: Credential | None = None,
    *,
    arguments: dict[str, Any] | None = None,
    seconds: float = 60,
    bytes_max: int = 100_000,
    stored: list[dict[str, Any]] | None = None,
) -> str:
    """Call tool `t` and return the result for a caller. `stored`: the tools in the catalogue."""
    async with Gateway(GatewayConfig(egress=LOOPBACK, response_bytes_max=bytes_max)) as gateway:
        await gateway.connections()
        tasks = _tasks()
        try:
            result = await gateway.call_tool(
                Upstream(url, credential or NoCredential()),
                "t",
                {"a": 1} if arguments is None else arguments,
                timeout_seconds=seconds,
                find_catalogue=None if stored is None else stored_catalogue(*stored),
            )
        finally:
            await asyncio.sleep(0.01)  # the loop closes abandoned generators
            assert _tasks() == tasks
            assert not [line for line in await gateway.connections() if "IDLE" not in line]
        return json.dumps(result.result)


def _tasks() -> set[asyncio.Task[Any]]:
    # Exclude the server's tasks: one per connection, which it may keep.
    return {task for task in asyncio.all_tasks() if "raw_server" not in repr(task.get_coro())}


def _respond_to_call(call: Answer, requests: list[str] | None = None) -> Respond:
    """Behave correctly until the tool is called, then send `call(request)`."""

    async def respond(method: str, _: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        name = json.loads(body)["method"] if method == "POST" else method
        if requests is not None:
            requests.append(name)
        match name:
            case "server/discover":
                writer.write(http(200, answer(body, DISCOVERED)))
            case "tools/list":
                writer.write(http(200, answer(body, TOOLS)))
            case "tools/call":
                writer.write(call(body))
            case _:
                writer.write(http(405))

    return respond


def _always(response: bytes) -> Respond:
    async def respond(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)

    return respond


@pytest.mark.parametrize(
    ("status", "message"),
    [(500, "HTTP 500"), (503, "HTTP 503"), (401, "refused the stored credential"), (404, "nothing at this endpoint")],
)
async def test_an_http_error_is_reported_with_its_status(status: int, message: str) -> None:
    async with raw_server(_always(http(status))) as url:
        with pytest.raises(UpstreamError, match=message):
            await _call(url)
    async with raw_server(_respond_to_call(lambda _: http(status, b"<html>", "text/html"))) as url:
        with pytest.raises(UpstreamError, match=message):
            await _call(url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/elsewhere", "http://127.0.0.1:1/", "https://example.com/mcp"])
async def test_a_redirect_is_not_followed(status: int, location: str) -> None:
    requests: list[str] = []
    async with raw_server(_respond_to_call(lambda _: http(status, Location=location), requests)) as url:
        with pytest.raises(UpstreamError, match="redirect") as caught:
            await _call(url)
    assert (caught.value.code, caught.value.http_status) == ("mcp_error", 502)
    assert requests == ["server/discover", "tools/call"]


async def test_a_huge_body_is_not_read() -> None:
    async with raw_server(_respond_to_call(lambda body: http(200, answer(body, {"content": "x" * 200_000})))) as url:
        with pytest.raises(ResponseTooLarge) as caught:
            await _call(url)
    assert caught.value.response_bytes < 2000


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("chunk", [b"x" * 1000, NOTIFICATION, b": still here\n\n"])
async def test_an_endless_body_is_aborted(content_type: str, chunk: bytes) -> None:
    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if json.loads(body)["method"] == "server/discover":
            writer.write(http(200, answer(body, DISCOVERED)))
            return
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n".encode())
        while True:
            writer.write(chunk)
            await writer.drain()

    async with raw_server(respond) as url:
        with pytest.raises(ResponseTooLarge) as caught:
            await _call(url, seconds=30)
    assert caught.value.response_bytes < 100_000 + 200_000


async def test_a_body_without_end_times_out() -> None:
    async def respond(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(30)

    async with raw_server(respond) as url:
        with pytest.raises(UpstreamTimeout):
            await _call(url, seconds=0.3)


async def test_compressed_data_is_refused() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    async with raw_server(_respond_to_call(lambda _: http(200, bomb, Content_Encoding="gzip"))) as url:
        with pytest.raises(UpstreamError, match="compressed"):
            await _call(url)


@pytest.mark.parametrize(
    "response",
    [
        http(200, b"not json"),
        http(200, b"[]"),
        http(200, b'{"jsonrpc":"2.0"}'),
        http(200, b"<html>", "text/html"),
        http(200, b""),
        http(202),
        http(204),
        http(200, b"data: not json\n\n", "text/event-stream"),
        http(200, b"", "text/event-stream"),
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"\x00\xff" * 100_000,
    ],
    ids=range(13),
)
async def test_an_invalid_response_is_an_error(response: bytes) -> None:
    for respond in (_respond_to_call(lambda _: response), _always(response)):
        async with raw_server(respond) as url:
            with pytest.raises(UpstreamError) as caught:
                await _call(url)
        assert (caught.value.code, caught.value.http_status) == ("mcp_error", 502)


@pytest.mark.parametrize("result", ["[]", "null", '"text"', "5"])
async def test_a_result_that_is_not_an_object_is_an_error(result: str) -> None:
    async with raw_server(_respond_to_call(lambda body: http(200, answer(body, json.loads(result))))) as url:
        with pytest.raises(UpstreamError):
            await _call(url)


async def test_a_request_for_input_is_an_error() -> None:
    requested: dict[str, Any] = {"resultType": "input_required", "inputRequests": {}, "requestState": "s"}
    async with raw_server(_respond_to_call(lambda body: http(200, answer(body, requested)))) as url:
        with pytest.raises(UpstreamError):
            await _call(url)


async def test_a_connection_closed_early_is_lost() -> None:
    async def respond(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with raw_server(respond) as url:
        with pytest.raises(UpstreamConnectionLost):
            await _call(url)


async def test_a_protocol_error_is_passed_on_truncated() -> None:
    async with raw_server(
        _respond_to_call(lambda body: http(200, refusal(body, -32000, "it\nbroke " + "x" * 5000)))
    ) as url:
        with pytest.raises(GatewayError) as caught:
            await _call(url)
    assert len(str(caught.value)) < 700


async def test_refused_arguments_are_distinguished_from_an_unknown_tool() -> None:
    requests: list[str] = []
    refuses = _respond_to_call(lambda body: http(200, refusal(body, -32602, "bad params")), requests)
    async with raw_server(refuses) as url:
        with pytest.raises(InvalidArguments) as caught:
            await _call(url, arguments={}, stored=TOOLS["tools"])
        assert caught.value.fields == {"a": "Is required"}
        assert "bad params" in str(caught.value)
        with pytest.raises(ToolNotFound):
            await _call(url, stored=[])
        with pytest.raises(InvalidArguments):
            await _call(url)
    assert "tools/list" not in requests


async def test_a_failed_result_is_passed_on_without_another_request() -> None:
    requests: list[str] = []
    result: dict[str, Any] = {"content": [], "isError": True, "resultType": "complete"}
    async with raw_server(_respond_to_call(lambda body: http(200, answer(body, result)), requests)) as url:
        assert json.loads(await _call(url, stored=TOOLS["tools"])) == {"content": [], "isError": True}
    assert requests == ["server/discover", "tools/call"]


async def test_a_hostile_schema_does_not_block_the_process() -> None:
    tool: dict[str, Any] = {
        "name": "t",
        "inputSchema": {"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}},
    }
    result: dict[str, Any] = {"content": [{"type": "text", "text": "aaa!"}], "isError": True}
    async with raw_server(_respond_to_call(lambda body: http(200, answer(body, result)))) as url:
        with pytest.raises(InvalidArguments) as caught:
            await _call(url, arguments={"a": "a" * 40_000 + "!"}, stored=[tool])
    assert caught.value.fields == {"a": "Must match the pattern (a+)+$"}


@pytest.mark.parametrize("is_error", [True, False])
async def test_an_echoed_credential_is_redacted(is_error: bool) -> None:  # noqa: FBT001
    token = "tok" + "en-" * 5
    result: dict[str, Any] = {
        "content": [{"type": "text", "text": f"you sent Bearer {token}!"}],
        "structuredContent": {token: [token]},
        "isError": is_error,
        "resultType": "complete",
    }
    async with raw_server(_respond_to_call(lambda body: http(200, answer(body, result)))) as url:
        text = await _call(url, Bearer(token))
    assert token not in text
    assert "[redacted]" in text
    async with raw_server(_respond_to_call(lambda body: http(200, refusal(body, -32000, f"bad {token}")))) as url:
        with pytest.raises(GatewayError) as caught:
            await _call(url, Bearer(token))
    assert token not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
@pytest.mark.parametrize("escaped", ["token\\/+\\u0022", 'token/\\u002B\\"', '\\u0074oken\\u002f+\\"'], ids=range(3))
@pytest.mark.parametrize("form", ['{"error":"bad %s"}', '{"error":"bad %s"', '["bad %s"]'])
async def test_an_escaped_credential_is_redacted(content_type: str, escaped: str, form: str) -> None:
    token = 'token/+"'  # noqa: S105 -- invented
    body = (form % escaped).encode()
    async with raw_server(_respond_to_call(lambda _: http(500, body, content_type))) as url:
        with pytest.raises(UpstreamError) as caught:
            await _call(url, Bearer(token))
    assert "bad [redacted]" in str(caught.value)


async def test_a_credential_in_an_error_that_is_not_an_object_is_redacted() -> None:
    token = "token/" + "x" * 8
    body = b'{"jsonrpc":"2.0","id":2,"error":["bad token\\/xxxxxxxx"]}'
    async with raw_server(_respond_to_call(lambda _: http(200, body))) as url:
        with pytest.raises(UpstreamError) as caught:
            await _call(url, Bearer(token))
    assert "bad [redacted]" in str(caught.value)


async def test_a_cookie_is_not_sent_with_the_next_call() -> None:
    cookies: list[str] = []

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if json.loads(body)["method"] == "server/discover":
            cookies.append(headers.get("cookie", ""))
        result: dict[str, Any] = {"content": [], "resultType": "complete"}
        await _respond_to_call(lambda body: http(200, answer(body, result), Set_Cookie="session=1"))(
            method, headers, body, writer
        )

    async with raw_server(respond) as url, Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        for _ in range(2):
            await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)
    assert cookies == ["", ""]
