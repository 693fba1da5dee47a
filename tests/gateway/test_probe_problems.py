"""A probe reports why it failed, and a malformed tool does not make a server unreachable."""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from gateway.config import GatewayConfig
from gateway.gateway import Gateway
from gateway.results import Probe
from gateway.upstream import Bearer, NoCredential, Upstream
from tests.gateway.conftest import LOOPBACK
from tests.gateway.raw_server import Respond, answer, http, raw_server, refusal
from tests.gateway.recording import DISCOVERED, Recording, responds_with_error
from tests.ports import free_port

pytestmark = pytest.mark.anyio

TOKEN = "tok" + "en-" * 5
GOOD: dict[str, Any] = {"name": "good", "inputSchema": {"type": "object"}}


async def _probe(url: str, seconds: float = 10, egress: Any = LOOPBACK) -> Probe:  # noqa: ANN401 -- a policy
    async with Gateway(GatewayConfig(egress=egress)) as gateway:
        return await gateway.probe(Upstream(url, Bearer(TOKEN)), timeout_seconds=seconds)


async def _probed(respond: Respond, seconds: float = 10) -> Probe:
    async with raw_server(respond) as url:
        return await _probe(url, seconds)


def _always(response: bytes) -> Respond:
    async def respond(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)

    return respond


async def _silent(*_: object) -> None:
    await asyncio.sleep(5)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            http(301, Location="https://elsewhere.example/mcp/?token=x"),
            "redirect to https://elsewhere.example/mcp/ (HTTP 301)",
        ),
        (http(308, Location="/v2/mcp"), "/v2/mcp (HTTP 308)"),
        (http(302), "names no address"),
        (http(401), "refused the stored credential (HTTP 401)"),
        (http(403, b'{"error":"not your workspace"}'), "not your workspace"),
        (http(404), "nothing at this endpoint URL (HTTP 404)"),
        (http(405), "takes no POST"),
        (http(500, b"out of memory", "text/plain"), "HTTP 500 and said: out of memory"),
        (http(200, b"<!doctype html><p>Welcome", "text/html; charset=utf-8"), "HTML page"),
        (http(200, b"hello", "text/plain"), "text/plain, which is not MCP"),
        (http(200, b"{}"), "not a JSON-RPC message"),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "does not speak HTTP"),
    ],
)
async def test_a_failed_probe_reports_the_reason(response: bytes, message: str) -> None:
    found = await _probed(_always(response))
    assert (found.reachable, found.code) == (False, "mcp_error")
    assert found.problem is not None
    assert message in found.problem
    assert "token=x" not in found.problem
    assert "<p>" not in found.problem


async def test_a_server_of_the_old_transport_is_recognized() -> None:
    async def respond(method: str, _: dict[str, str], __: bytes, writer: asyncio.StreamWriter) -> None:
        if method == "GET":
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            writer.write(head + b"event: endpoint\ndata: /messages?session_id=1\n\n")
        else:
            writer.write(http(405))

    found = await _probed(respond)
    assert found.problem is not None
    assert "HTTP+SSE transport of 2024-11-05. Put a bridge in front of it." in found.problem


async def test_a_silent_server_times_out() -> None:
    found = await _probed(_silent, seconds=0.3)
    assert (found.reachable, found.code) == (False, "mcp_timeout")
    assert found.waited_seconds == pytest.approx(0.3, abs=0.1)


async def test_causes_of_an_unreachable_server_are_distinguished() -> None:
    problems = {
        "refused": (await _probe(f"http://127.0.0.1:{free_port()}/mcp")).problem,
        "name": (await _probe("https://does-not-exist.invalid/mcp")).problem,
        "blocked": (await _probe("https://10.0.0.1/mcp")).problem,
    }

    async def speak_plain_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(400))
        writer.close()

    server = await asyncio.start_server(speak_plain_http, "127.0.0.1", 0)
    async with server:
        plain = server.sockets[0].getsockname()[1]
        problems["tls"] = (await _probe(f"https://127.0.0.1:{plain}/mcp")).problem
    for name, message in {
        "refused": "Nothing accepts connections at its address",
        "name": "Its name has no address",
        "blocked": "It is private",
        "tls": "It does not speak TLS properly",
    }.items():
        assert message in str(problems[name])


MALFORMED: dict[str, tuple[Any, str]] = {
    "no schema": ({"name": "bad"}, "bad has no inputSchema that is an object"),
    "a schema that is text": ({"name": "bad", "inputSchema": "x"}, "bad has no inputSchema"),
    "a schema that is true": ({"name": "bad", "inputSchema": True}, "bad has no inputSchema"),
    "no name": ({"inputSchema": {}}, "a tool has no name"),
    "a name that is a number": ({"name": 5, "inputSchema": {}}, "a tool has no name"),
    "a name that is too long": ({"name": "n" * 300, "inputSchema": {}}, "more than 256 characters"),
    "text": ("bad", "a tool is not an object"),
    "null": (None, "a tool is not an object"),
    "a secret": ({"name": f"bad{TOKEN}"}, "bad[redacted] has no inputSchema"),
}


@pytest.mark.parametrize("modern", [True, False], ids=["2026", "older"])
@pytest.mark.parametrize("malformed", MALFORMED)
async def test_a_malformed_tool_is_named_and_the_others_are_listed(malformed: str, modern: bool) -> None:  # noqa: FBT001
    tool, message = MALFORMED[malformed]
    recording = Recording(responds_with_error(-32000, "no"), modern=modern, tools=[tool, GOOD])
    found = await _probed(recording.respond)
    assert (found.reachable, found.tools_count, found.code) == (True, 1, None)
    assert found.tools == [{"name": "good", "description": "", "input_schema": {"type": "object"}}]
    assert found.problem is not None
    assert message in found.problem


def _paged(cursors: Iterator[object]) -> Respond:
    """Serve pages with one tool each, named after the page's cursor, and these next cursors."""
    recording = Recording(responds_with_error(-32000, "no"))

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b"tools/list" in body:
            name = json.loads(body)["params"].get("cursor", "first")
            page = {"tools": [{**GOOD, "name": name}], "nextCursor": next(cursors)}
            writer.write(http(200, answer(body, page)))
        else:
            await recording.respond(method, headers, body, writer)

    return respond


@pytest.mark.parametrize("cursor", [0, 5, 1.5, False, True, {}, [], ["x"]])
async def test_an_invalid_next_cursor_costs_no_tool_that_was_read(cursor: object) -> None:
    found = await _probed(_paged(iter(["second", cursor])))
    assert (found.reachable, found.tools_count, found.code) == (True, 2, None)
    assert found.problem == "Some of its tools are left out: the rest of the list, because its nextCursor is not text."


@pytest.mark.parametrize("cursors", [["second", "second"], ["second", "third", "second"]], ids=["same", "circle"])
async def test_a_circular_list_ends(cursors: list[str]) -> None:
    found = await _probed(_paged(iter(cursors)))
    assert (found.reachable, found.tools_count) == (True, len(set(cursors)) + 1)
    assert "the rest of the list, because its nextCursor leads back" in str(found.problem)


async def test_an_endless_list_ends() -> None:
    found = await _probed(_paged(f"page {number}" for number in count()), seconds=60)
    assert (found.reachable, found.tools_count) == (True, 100)
    assert "the rest of the list, because it has more than 100 pages" in str(found.problem)


@pytest.mark.parametrize("cursor", [None, ""])
async def test_a_list_that_ends_is_complete(cursor: object) -> None:
    found = await _probed(_paged(iter(["second", cursor])))
    assert (found.tools_count, found.problem) == (2, None)


async def test_a_duplicate_name_is_listed_once() -> None:
    again, otherwise = dict(GOOD), {**GOOD, "description": "Another one."}
    found = await _probed(Recording(responds_with_error(-32000, "no"), tools=[GOOD, again, otherwise]).respond)
    assert (found.reachable, found.tools_count) == (True, 1)
    assert found.tools == [{"name": "good", "description": "", "input_schema": {"type": "object"}}]
    assert found.problem == "Some of its tools are left out: good is listed again with other contents."


async def test_resources_with_an_invalid_cursor_are_not_counted() -> None:
    recording = Recording(responds_with_error(-32000, "no"), tools=[GOOD])
    discovered: dict[str, Any] = DISCOVERED | {"capabilities": {"tools": {}, "resources": {}}}

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b"server/discover" in body:
            writer.write(http(200, answer(body, discovered)))
        elif b"resources/list" in body:
            writer.write(http(200, answer(body, {"resources": [{"uri": "a:b"}], "nextCursor": 5})))
        else:
            await recording.respond(method, headers, body, writer)

    found = await _probed(respond)
    assert (found.reachable, found.tools_count, found.resources_count) == (True, 1, None)
    assert "Its resources cannot be listed." in str(found.problem)
    assert "its nextCursor is not text" in str(found.problem)


@pytest.mark.parametrize(
    "other",
    [{"description": None}, {"description": 5}, {"outputSchema": "x"}, {"annotations": 5, "icons": "x"}, {"later": {}}],
)
async def test_other_invalid_fields_of_a_tool_do_not_matter(other: dict[str, Any]) -> None:
    found = await _probed(Recording(responds_with_error(-32000, "no"), tools=[{**GOOD, **other}]).respond)
    assert (found.reachable, found.tools_count, found.problem) == (True, 1, None)


@pytest.mark.parametrize("tools", [None, "x", {"a": 1}, 5])
async def test_an_invalid_tool_list_leaves_the_server_reachable(tools: object) -> None:
    found = await _probed(Recording(responds_with_error(-32000, "no"), tools=tools).respond)
    assert (found.reachable, found.tools_count, found.tools) == (True, None, None)
    assert "Its tools cannot be listed." in str(found.problem)


async def test_a_refused_tool_list_leaves_the_server_reachable() -> None:
    recording = Recording(responds_with_error(-32000, "no"))

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b"tools/list" in body:
            writer.write(http(200, refusal(body, -32603, "The shelf is locked")))
        else:
            await recording.respond(method, headers, body, writer)

    found = await _probed(respond)
    assert (found.reachable, found.tools) == (True, None)
    assert "It said: The shelf is locked (JSON-RPC -32603)" in str(found.problem)


async def test_a_capability_without_its_method_leaves_the_server_reachable() -> None:
    recording = Recording(responds_with_error(-32000, "no"), tools=[GOOD])

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b"server/discover" in body:
            capabilities: dict[str, Any] = {"tools": {}, "resources": {}}
            writer.write(http(200, answer(body, {"supportedVersions": ["2026-07-28"], "capabilities": capabilities})))
        elif b"resources/list" in body:
            writer.write(http(404, refusal(body, -32601, "Method not found")))
        else:
            await recording.respond(method, headers, body, writer)

    found = await _probed(respond)
    assert (found.reachable, found.tools_count, found.resources_count) == (True, 1, None)
    assert "Its resources cannot be listed." in str(found.problem)


async def test_probes_of_a_server_do_not_use_the_slots_of_its_calls() -> None:
    config = GatewayConfig(egress=LOOPBACK, calls_per_mcp_max=1)
    recording = Recording(responds_with_error(-32000, "no"), tools=[GOOD])
    never = asyncio.Event()

    async def respond(method: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        if b"tools/call" in body:
            await never.wait()
        await recording.respond(method, headers, body, writer)

    async with raw_server(respond) as url, Gateway(config) as gateway:
        upstream = Upstream(url, NoCredential())
        call = asyncio.create_task(gateway.call_tool(upstream, "t", {}, timeout_seconds=30))
        await asyncio.sleep(0.05)
        assert (await gateway.probe(upstream, timeout_seconds=10)).reachable
        assert not call.done()
        never.set()
        await asyncio.gather(call, return_exceptions=True)
