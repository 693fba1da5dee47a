"""Calls to a real MCP server in another process."""

import asyncio
import time

import pytest

from gateway.errors import (
    GatewayError,
    InvalidArguments,
    ResourceNotFound,
    ToolNotFound,
    UpstreamConnectionLost,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.gateway import Gateway
from tests.gateway.conftest import Server, StartServer, stored_catalogue

pytestmark = pytest.mark.anyio


async def test_a_tool_can_be_called(gateway: Gateway, server: Server) -> None:
    response = await gateway.call_tool(server.upstream, "add", {"numbers": [1, 2.5]}, timeout_seconds=30)
    assert response.result["content"] == [{"type": "text", "text": "3.5"}]
    assert response.result["structuredContent"] == {"result": 3.5}
    assert response.result["isError"] is False
    assert response.is_error is False
    assert 0 <= response.latency_ms < 30_000
    assert response.response_bytes > 50


async def test_a_tool_error_is_a_result(gateway: Gateway, server: Server) -> None:
    response = await gateway.call_tool(server.upstream, "fail", {"message": "no luck"}, timeout_seconds=30)
    assert response.is_error
    assert "no luck" in response.result["content"][0]["text"]


async def test_an_unknown_tool_is_not_found(gateway: Gateway, server: Server) -> None:
    with pytest.raises(ToolNotFound) as caught:
        await gateway.call_tool(server.upstream, "no_such_tool", {}, timeout_seconds=30)
    assert (caught.value.http_status, caught.value.code) == (404, "not_found")
    assert caught.value.response_bytes > 0


@pytest.mark.parametrize(
    ("tool", "arguments", "fields"),
    [
        ("add", {}, {"numbers": "Is required"}),
        ("add", {"numbers": "three"}, {"numbers": "Must be of type array"}),
        (
            "add",
            {"numbers": [1, "two", 3, None]},
            {"numbers[1]": "Must be of type number", "numbers[3]": "Must be of type number"},
        ),
        ("word_count", {"text": None}, {"text": "Must be of type string"}),
        ("wait", {"seconds": 61}, {"seconds": "Must be at most 60.0"}),
    ],
)
async def test_invalid_arguments_are_named(
    gateway: Gateway, server: Server, tool: str, arguments: dict[str, object], fields: dict[str, str]
) -> None:
    listed = await gateway.list_tools(server.upstream, timeout_seconds=30)
    stored = stored_catalogue(*({"name": each.name, "inputSchema": each.input_schema} for each in listed))
    with pytest.raises(InvalidArguments) as caught:
        await gateway.call_tool(server.upstream, tool, arguments, timeout_seconds=30, find_catalogue=stored)
    assert caught.value.fields == fields
    assert (caught.value.http_status, caught.value.code) == (422, "invalid_arguments")


async def test_invalid_arguments_are_refused_without_stored_tools(gateway: Gateway, server: Server) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await gateway.call_tool(server.upstream, "add", {"numbers": [1, "two"]}, timeout_seconds=30)
    assert caught.value.fields == {}


async def test_tools_can_be_listed(gateway: Gateway, server: Server) -> None:
    tools = {tool.name: tool for tool in await gateway.list_tools(server.upstream, timeout_seconds=30)}
    assert set(tools) == {"add", "word_count", "wait", "fail"}
    assert tools["add"].description == "Add numbers and return their sum."
    assert tools["add"].input_schema["required"] == ["numbers"]


async def test_a_resource_can_be_read(gateway: Gateway, server: Server) -> None:
    resource = await gateway.read_resource(server.upstream, "example://about", timeout_seconds=30)
    assert resource.contents[0]["uri"] == "example://about"
    assert "Keyledger" in resource.contents[0]["text"]
    with pytest.raises(ResourceNotFound):
        await gateway.read_resource(server.upstream, "example://other", timeout_seconds=30)


async def test_a_probe_reports_the_capabilities_of_the_server(gateway: Gateway, server: Server) -> None:
    probe = await gateway.probe(server.upstream, timeout_seconds=30)
    assert probe.reachable
    assert (probe.tools_count, probe.resources_count) == (4, 1)
    assert probe.protocol_version == "2026-07-28"
    assert probe.problem is None


async def test_twenty_concurrent_calls_get_their_own_responses(gateway: Gateway, server: Server) -> None:
    responses = await asyncio.gather(
        *(gateway.call_tool(server.upstream, "add", {"numbers": [n, n]}, timeout_seconds=30) for n in range(20))
    )
    assert [response.result["structuredContent"]["result"] for response in responses] == [2.0 * n for n in range(20)]


async def test_a_call_that_times_out_leaves_nothing_behind(gateway: Gateway, server: Server) -> None:
    await gateway.probe(server.upstream, timeout_seconds=30)
    tasks = asyncio.all_tasks()
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(UpstreamTimeout) as caught:
            await gateway.call_tool(server.upstream, "wait", {"seconds": 30}, timeout_seconds=0.3)
        passed_ms = (time.monotonic() - started) * 1_000
        assert (caught.value.http_status, caught.value.code) == (504, "mcp_timeout")
        assert 300 <= passed_ms < 30_000
        # The wait for a slot is part of the limit and not of the server's latency.
        assert 0 < caught.value.latency_ms <= passed_ms + 1
    assert asyncio.all_tasks() == tasks
    response = await gateway.call_tool(server.upstream, "wait", {"seconds": 0}, timeout_seconds=30)
    assert not response.is_error
    assert all("IDLE" in connection for connection in await gateway.connections())


async def test_a_cancelled_call_leaves_nothing_behind(gateway: Gateway, server: Server) -> None:
    await gateway.probe(server.upstream, timeout_seconds=30)
    tasks = asyncio.all_tasks()
    call = asyncio.create_task(gateway.call_tool(server.upstream, "wait", {"seconds": 30}, timeout_seconds=30))
    await asyncio.sleep(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asyncio.all_tasks() == tasks
    assert all("IDLE" in connection for connection in await gateway.connections())


async def test_a_server_that_is_down_is_unreachable(gateway: Gateway, start_server: StartServer) -> None:
    server = start_server()
    assert server.stop() == 0
    with pytest.raises(UpstreamUnreachable) as caught:
        await gateway.call_tool(server.upstream, "add", {"numbers": []}, timeout_seconds=30)
    assert (caught.value.http_status, caught.value.code) == (502, "mcp_unreachable")
    probe = await gateway.probe(server.upstream, timeout_seconds=30)
    assert not probe.reachable
    assert probe.code == "mcp_unreachable"
    assert probe.problem is not None


async def test_a_server_killed_during_a_call_is_lost_and_used_again_after_its_restart(
    gateway: Gateway, start_server: StartServer
) -> None:
    server = start_server()
    assert not (await gateway.call_tool(server.upstream, "wait", {"seconds": 0}, timeout_seconds=30)).is_error
    call = asyncio.create_task(gateway.call_tool(server.upstream, "wait", {"seconds": 30}, timeout_seconds=30))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(server.kill)
    with pytest.raises(UpstreamConnectionLost):
        await call
    with pytest.raises(GatewayError):
        await gateway.call_tool(server.upstream, "wait", {"seconds": 0}, timeout_seconds=30)
    await asyncio.to_thread(server.restart)
    assert not (await gateway.call_tool(server.upstream, "wait", {"seconds": 0}, timeout_seconds=30)).is_error


async def test_a_server_that_stops_ends_a_running_call(gateway: Gateway, start_server: StartServer) -> None:
    server = start_server()
    call = asyncio.create_task(gateway.call_tool(server.upstream, "wait", {"seconds": 30}, timeout_seconds=30))
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(server.stop) == 0
    with pytest.raises(GatewayError):
        await call


async def test_a_server_of_a_protocol_before_2026_is_supported(gateway: Gateway, start_server: StartServer) -> None:
    server = start_server(module="tests.gateway.handshake_server")
    probe = await gateway.probe(server.upstream, timeout_seconds=30)
    assert (probe.reachable, probe.protocol_version, probe.tools_count) == (True, "2025-11-25", 4)
    response = await gateway.call_tool(server.upstream, "add", {"numbers": [1, 2]}, timeout_seconds=30)
    assert response.result["structuredContent"] == {"result": 3.0}
    with pytest.raises(UpstreamTimeout):
        await gateway.call_tool(server.upstream, "wait", {"seconds": 30}, timeout_seconds=0.5)
