"""Request counts and call results of an MCP."""

from datetime import UTC, datetime, timedelta

import pytest

from eventstore.check import check
from infrastructure.clock import new_id
from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.queries import McpStats, mcp_stats_of
from projections.registry import INLINE_CHECKS, USAGE_CHECKS
from tests.projections.usage.uses import append, completed, used

pytestmark = pytest.mark.anyio

AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = new_id("key")


async def _stats(connection: Connection, mcp_id: str = "mcp_a", at: datetime = AT) -> McpStats:
    await run_projection(connection, USAGE, 10)
    return await mcp_stats_of(connection, mcp_id, at)


async def test_an_unused_mcp_has_no_rates(connection: Connection) -> None:
    assert await _stats(connection) == McpStats(0, 0, None, None)


async def test_requests_are_counted_in_total_and_today(connection: Connection) -> None:
    await append(connection, "p", AT - DAY, [used(KEY, AT - DAY, mcp_id="mcp_a")])
    await append(connection, "p", AT, [used(KEY, AT, mcp_id="mcp_a", action="call") for _ in range(2)])
    await append(connection, "p", AT, [used(KEY, AT, mcp_id="mcp_b"), used(KEY, AT, action="manage")])
    assert await _stats(connection) == McpStats(3, 2, None, None)
    assert await _stats(connection, at=AT + DAY) == McpStats(3, 0, None, None)
    assert await _stats(connection, "mcp_b") == McpStats(1, 1, None, None)


async def test_a_denied_use_is_not_a_request(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT, mcp_id="mcp_a", code="mcp_not_permitted")])
    assert await _stats(connection) == McpStats(0, 0, None, None)


async def test_rates_are_based_on_completed_calls(connection: Connection) -> None:
    await append(connection, "p", AT, [completed(KEY, AT, latency_ms=10), completed(KEY, AT, latency_ms=20)])
    await append(connection, "p", AT, [completed(KEY, AT, status="error", latency_ms=30)])
    await append(connection, "p", AT, [completed(KEY, AT, mcp_id="mcp_b", status="error", latency_ms=99)])
    assert await _stats(connection) == McpStats(0, 0, 0.3333, 20.0)
    assert await _stats(connection, "mcp_b") == McpStats(0, 0, 1.0, 99.0)


async def test_the_check_covers_the_days(connection: Connection, owner: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT, mcp_id="mcp_a"), completed(KEY, AT)])
    await run_projection(connection, USAGE, 10)
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).ok
    await owner.execute(b"update mcp_usage_days set requests = 7")
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations == [
        "I8 MCP mcp_a: 1 requests by hour, 7 by day, 1 in total"
    ]
