"""Sessions of servers before 2026: start, session ids, and end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import UpstreamConnectionLost, UpstreamError
from gateway.gateway import Gateway
from gateway.upstream import Bearer, NoCredential, Upstream
from gateway.wire.events import Event, events
from tests.gateway.raw_server import answer, http, raw_server
from tests.gateway.recording import INITIALIZED, Recording, raw_result, responds_with_error

pytestmark = pytest.mark.anyio


async def test_a_session_id_beyond_ascii_is_an_invalid_response(gateway: Gateway) -> None:
    recording = Recording(raw_result(b"{}"), modern=False)

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b'"initialize"' in body:
            writer.write(http(200, answer(body, INITIALIZED), Mcp_Session_Id="sé1"))
        else:
            await recording.respond(method, headers, body, writer)

    async with raw_server(respond) as url:
        with pytest.raises(UpstreamError, match="Mcp-Session-Id"):
            await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)


async def test_an_event_id_beyond_ascii_is_ignored(gateway: Gateway) -> None:
    def ends(_body: bytes, writer: asyncio.StreamWriter) -> None:
        event = "id: é\nretry: 1\ndata:\n\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event)
        writer.close()

    recording = Recording(ends, modern=False)
    async with raw_server(recording.respond) as url:
        with pytest.raises(UpstreamConnectionLost):
            await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)
    assert "GET" not in recording.methods


async def test_a_deeply_nested_result_is_an_error_of_the_server(gateway: Gateway) -> None:
    nested = b'{"content":[],"structuredContent":{"a":%s"\\n"%s}}' % (b"[" * 700, b"]" * 700)
    recording = Recording(raw_result(nested))
    async with raw_server(recording.respond) as url:
        with pytest.raises(UpstreamError):
            await gateway.call_tool(Upstream(url, Bearer("x" * 10)), "t", {}, timeout_seconds=10)
    assert recording.calls == 1


async def test_a_connection_lost_before_the_session_is_not_a_lost_call(gateway: Gateway) -> None:
    recording = Recording(raw_result(b'{"content":[]}'), modern=False)

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b'"server/discover"' in body:
            writer.close()
        else:
            await recording.respond(method, headers, body, writer)

    async with raw_server(respond) as url:
        result = await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)
    assert (result.result, recording.calls) == ({"content": []}, 1)


async def test_a_session_ends_in_the_background_even_after_a_failed_call(gateway: Gateway) -> None:
    recording = Recording(responds_with_error(-32000, "no"), modern=False)
    end_requested, may_end = asyncio.Event(), asyncio.Event()

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if method == "DELETE":
            end_requested.set()
            await may_end.wait()
        await recording.respond(method, headers, body, writer)

    async with raw_server(respond) as url:
        with pytest.raises(UpstreamError):
            await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)
        await asyncio.wait_for(end_requested.wait(), 10)
        may_end.set()
        tasks = asyncio.all_tasks()
        await gateway.__aexit__(None, None, None)
        assert not [task for task in asyncio.all_tasks() & tasks if "_close" in repr(task.get_coro())]
        gateway_again = await gateway.__aenter__()
        assert gateway_again is gateway


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"id: 1\ndata: a\n\nid: 2\ndata: b", [Event("message", b"a", "1")]),
        (b"id: 1\ndata: a\n\nid: 2\ndata: b\n", [Event("message", b"a", "1")]),
        (b"id: 1\n\n", [Event("message", b"", "1")]),
        (b"retry: 5\n\n", [Event("message", b"", "", 5)]),
        (b": still here\n\n", []),
    ],
)
async def test_an_event_counts_only_if_it_is_complete(stream: bytes, expected: list[Event]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield stream

    assert [event async for event in events(chunks())] == expected
