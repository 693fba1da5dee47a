"""Bulkheads: a slow server delays only its own calls."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.bulkheads import Bulkheads, Pool
from gateway.config import GatewayConfig
from gateway.errors import TooManyCalls, UpstreamTimeout
from gateway.gateway import Gateway
from gateway.results import ToolResult
from gateway.upstream import NoCredential, Upstream
from tests.gateway.conftest import LOOPBACK, Server, StartServer
from tests.gateway.raw_server import raw_server
from tests.gateway.recording import Recording, raw_result

pytestmark = pytest.mark.anyio

A, B = Pool("org_a", "mcp_a"), Pool("org_a", "mcp_b")
OTHER_ORGANIZATION = Pool("org_b", "mcp_c")


@pytest.fixture
async def four_connections() -> AsyncIterator[Gateway]:
    async with Gateway(GatewayConfig(egress=LOOPBACK, connections_max=4)) as gateway:
        yield gateway


class HeldCalls:
    """Calls that hold a slot, or wait for one, until they are released."""

    def __init__(self, bulkheads: Bulkheads) -> None:
        self._bulkheads = bulkheads
        self.released = asyncio.Event()
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self, pool: Pool, count: int, seconds: float = 30) -> None:
        self.tasks += [asyncio.create_task(self._hold(pool, seconds)) for _ in range(count)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def end(self) -> None:
        self.released.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _hold(self, pool: Pool, seconds: float) -> None:
        async with self._bulkheads.slot(pool, seconds):
            self.inside.append(pool.mcp)
            await self.released.wait()


def bulkheads(connections: int = 64, running: int = 3, queued: int = 2) -> Bulkheads:
    config = GatewayConfig(connections_max=connections, calls_per_mcp_max=running, queued_per_mcp_max=queued)
    return Bulkheads(config)


async def test_an_mcp_has_a_limited_number_of_slots_and_a_queue() -> None:
    held = HeldCalls(limits := bulkheads())
    await held.start(A, 5)
    assert held.inside == ["mcp_a"] * 3
    with pytest.raises(TooManyCalls, match="queue is full"):
        async with limits.slot(A, 30):
            pass
    await held.start(B, 1)
    assert held.inside[-1] == "mcp_b"
    await held.end()
    assert held.inside.count("mcp_a") == 5


async def test_a_call_that_waits_too_long_leaves_the_queue() -> None:
    held = HeldCalls(limits := bulkheads(running=1, queued=1))
    await held.start(A, 1)
    for _ in range(3):
        with pytest.raises(TooManyCalls, match=r"waited 0\.01 s"):
            async with limits.slot(A, 0.01):
                pass
    await held.end()
    async with limits.slot(A, 0.01):
        pass


async def test_a_cancelled_call_leaves_no_slot_occupied() -> None:
    held = HeldCalls(limits := bulkheads(running=1, queued=4))
    await held.start(A, 3)
    held.tasks[1].cancel()
    held.tasks[2].cancel()
    await asyncio.sleep(0)
    await held.end()
    held.tasks.clear()
    for _ in range(10):
        async with limits.slot(A, 0.01):
            pass


async def test_a_slot_assigned_during_cancellation_is_passed_on() -> None:
    held = HeldCalls(limits := bulkheads(running=1, queued=4))
    await held.start(A, 2)
    held.released.set()
    held.tasks[1].cancel()
    await asyncio.gather(*held.tasks, return_exceptions=True)
    async with limits.slot(A, 0.01):
        pass


async def test_an_organization_has_at_most_a_quarter_of_the_slots() -> None:
    held = HeldCalls(bulkheads(connections=16, running=2, queued=9))
    for number in range(8):
        await held.start(Pool("org_a", f"mcp_{number}"), 1)
    assert len(held.inside) == 4
    await held.start(OTHER_ORGANIZATION, 1)
    assert held.inside[-1] == "mcp_c"
    await held.end()
    assert len(held.inside) == 9


async def test_pools_take_turns() -> None:
    held = HeldCalls(limits := bulkheads(connections=4, running=1, queued=9))
    await held.start(Pool("org_a", "first"), 1)
    await held.start(Pool("org_a", "second"), 1)
    order: list[str] = []

    async def call(pool: Pool) -> None:
        async with limits.slot(pool, 30):
            order.append(pool.mcp)
            await asyncio.sleep(0)

    pools = [Pool("org_a", name) for name in ("a", "b", "c")]
    calls = [asyncio.create_task(call(pool)) for pool in pools for _ in range(3)]
    await asyncio.sleep(0)
    await held.end()
    await asyncio.gather(*calls)
    assert sorted(order[:3]) == sorted(order[3:6]) == sorted(order[6:]) == ["a", "b", "c"]


async def test_eight_calls_to_an_older_server_succeed_over_four_connections(
    four_connections: Gateway, start_server: StartServer
) -> None:
    upstream = start_server(module="tests.gateway.handshake_server").upstream

    async def add(number: int) -> ToolResult:
        return await four_connections.call_tool(upstream, "add", {"numbers": [number]}, timeout_seconds=60)

    responses = await asyncio.gather(*(add(number) for number in range(8)))
    assert [response.result["structuredContent"]["result"] for response in responses] == list(map(float, range(8)))


async def test_an_older_server_is_called_over_one_connection_without_a_stream() -> None:
    recording = Recording(raw_result(b"{}"), modern=False)
    async with raw_server(recording.respond) as url, Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=10)
        assert len(await gateway.connections()) == 1
    assert recording.methods == ["server/discover", "initialize", "notifications/initialized", "tools/call", "DELETE"]


async def test_an_idle_server_responds_while_all_calls_to_another_wait(
    four_connections: Gateway, server: Server
) -> None:
    never = asyncio.Event()

    async def silent(*_: object) -> None:
        await never.wait()

    async with raw_server(silent) as url:
        slow = Upstream(url, NoCredential(), "org_a", "mcp_a")
        idle = Upstream(server.url, NoCredential(), "org_a", "mcp_b")
        waiting = [
            asyncio.create_task(four_connections.call_tool(slow, "t", {}, timeout_seconds=60)) for _ in range(32)
        ]
        await asyncio.sleep(0.1)
        response = await four_connections.call_tool(idle, "add", {"numbers": [1]}, timeout_seconds=60)
        assert response.result["structuredContent"] == {"result": 1.0}
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        never.set()


async def test_time_in_the_queue_does_not_count_as_latency_of_the_server() -> None:
    async def silent(*_: object) -> None:
        await asyncio.sleep(5)

    config = GatewayConfig(egress=LOOPBACK, calls_per_mcp_max=1)
    async with raw_server(silent) as url, Gateway(config) as gateway:
        upstream = Upstream(url, NoCredential())
        first = asyncio.create_task(gateway.call_tool(upstream, "t", {}, timeout_seconds=0.6))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(gateway.call_tool(upstream, "t", {}, timeout_seconds=0.9))
        with pytest.raises(TooManyCalls) as refused:
            await gateway.call_tool(upstream, "t", {}, timeout_seconds=0.2)
        with pytest.raises(UpstreamTimeout) as timed_out:
            await first
        with pytest.raises(UpstreamTimeout) as queued:
            await second
    assert (refused.value.code, refused.value.http_status, refused.value.latency_ms) == ("rate_limited", 429, 0)
    assert queued.value.waited_seconds < timed_out.value.waited_seconds <= 0.6
    assert queued.value.latency_ms < timed_out.value.latency_ms
