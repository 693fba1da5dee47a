"""Invariant I8: every event of the usage log up to the checkpoint is counted exactly once."""

from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.apply import USAGE


class _Queries(NamedTuple):
    lanes_differing: bytes
    keys_differing: bytes
    mcps_differing: bytes
    key_days_differing: bytes
    refusals_differing: bytes
    organization_days_differing: bytes
    latencies_differing: bytes


_SQL = load(_Queries, __file__, "check.sql")


async def check_usage(connection: Connection) -> list[str]:
    """Return a line for each lane whose counts differ from its batches, and for each key whose totals differ."""
    cursor = await connection.execute(_SQL.lanes_differing, (USAGE.name, USAGE.log))
    lines = [
        f"I8 usage_counts lane {lane}: {counted} events counted, {logged} in the log up to batch {position}"
        for lane, counted, logged, position in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.keys_differing)
    lines += [
        f"I8 key {key_id}: {counted} requests by hour, {by_day} by day, {total} in total"
        for key_id, counted, by_day, total in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.mcps_differing)
    lines += [
        f"I8 MCP {mcp_id}: {counted} requests by hour, {by_day} by day, {total} in total"
        for mcp_id, counted, by_day, total in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.key_days_differing)
    lines += [
        f"I8 key {key_id} on {day}: {by_tool} requests by tool, {in_all} in all"
        for key_id, day, by_tool, in_all in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.refusals_differing)
    lines += [
        f"I8 key {key_id} on {day}: {by_tool} refusals by tool, {by_reason} by reason"
        for key_id, day, by_tool, by_reason in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.organization_days_differing)
    lines += [
        f"I8 organization {organization_id} on {day}: its sums for MCP '{mcp_id}' are not those over its keys"
        for organization_id, day, mcp_id in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.latencies_differing)
    lines += [
        f"I8 key {key_id} on {day}, MCP '{mcp_id}', tool '{tool}': {calls} calls ended, {latencies} latencies kept"
        for key_id, day, mcp_id, tool, calls, latencies in await cursor.fetchall()
    ]
    return lines
