"""Queries on the counts of uses. All days are UTC days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    usage_plan: bytes
    usage_apply: bytes
    events_kept: bytes
    usage_of: bytes
    requests_by_day: bytes
    mcp_usage_of: bytes
    mcp_stats: bytes
    secrets_last_used: bytes
    earlier_secrets_last_used: bytes


SQL = load(Queries, __file__)


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """The usage of a key: accepted verifications, checks and calls.

    The week is the ISO week, from Monday. `last_used` is the instant of the last accepted use of any kind, including
    management. A denied request does not change it.
    """

    total_requests: int = 0
    requests_today: int = 0
    requests_this_week: int = 0
    requests_this_month: int = 0
    last_used: datetime | None = None


async def usage_of(connection: Connection, key_ids: Sequence[str], at: datetime) -> dict[str, KeyUsage]:
    """Return the usage of each of `key_ids`, all zero for a key that was never used.

    `at` determines the current day.
    """
    today = at.astimezone(UTC).date()
    week = today - timedelta(days=today.weekday())
    parameters = {"key_ids": list(key_ids), "today": today, "week": week, "month": today.replace(day=1)}
    found = {key_id: KeyUsage() for key_id in key_ids}
    cursor = await connection.execute(SQL.usage_of, parameters)
    for key_id, total, last_used, in_day, in_week, in_month in await cursor.fetchall():
        found[key_id] = KeyUsage(total, in_day, in_week, in_month, last_used)
    return found


async def requests_by_day(
    connection: Connection, key_ids: Sequence[str], at: datetime, days: int
) -> dict[str, list[int]]:
    """Return the accepted requests of each key on each of the last `days`, oldest first. The last day contains `at`."""
    last = at.astimezone(UTC).date()
    first = last - timedelta(days=days - 1)
    found = {key_id: [0] * days for key_id in key_ids}
    if not days:
        return found
    parameters = {"key_ids": list(key_ids), "first": first, "last": last}
    cursor = await connection.execute(SQL.requests_by_day, parameters)
    for key_id, day, requests in await cursor.fetchall():
        found[key_id][(day - first).days] = requests
    return found


@dataclass(frozen=True, slots=True)
class McpUsage:
    """The accepted requests of all keys for an MCP server, and the instant of the last one."""

    total_requests: int = 0
    last_active: datetime | None = None


async def mcp_usage_of(connection: Connection, mcp_ids: Sequence[str]) -> dict[str, McpUsage]:
    """Return the usage of each of `mcp_ids`, zero for a server that was never requested."""
    found = {mcp_id: McpUsage() for mcp_id in mcp_ids}
    cursor = await connection.execute(SQL.mcp_usage_of, (list(mcp_ids),))
    for mcp_id, total, last_active in await cursor.fetchall():
        found[mcp_id] = McpUsage(total, last_active)
    return found


@dataclass(frozen=True, slots=True)
class McpStats:
    """Call statistics.

    `error_rate` (0 to 1) and `avg_latency_ms` cover all calls that have ended, and are None without any.
    """

    total_requests: int = 0
    requests_today: int = 0
    error_rate: float | None = None
    avg_latency_ms: float | None = None


async def mcp_stats_of(connection: Connection, mcp_id: str, at: datetime) -> McpStats:
    cursor = await connection.execute(SQL.mcp_stats, {"mcp_id": mcp_id, "today": at.astimezone(UTC).date()})
    row = await cursor.fetchone()
    if row is None:
        return McpStats()
    requests, today, completed, failed, latency_ms = row
    if not completed:
        return McpStats(requests, today)
    return McpStats(requests, today, round(failed / completed, 4), round(latency_ms / completed, 1))


async def secrets_last_used(connection: Connection, key_id: str) -> dict[int, datetime]:
    """Return the last accepted use of each secret of a key, by secret version. Unused secrets are absent."""
    cursor = await connection.execute(SQL.secrets_last_used, (key_id,))
    return dict(await cursor.fetchall())


async def earlier_secrets_last_used(
    connection: Connection, versions: Mapping[str, Sequence[int]]
) -> dict[str, datetime]:
    """Return the last use of any of the secrets `versions` of each key, if there is one."""
    pairs = [(key_id, version) for key_id, of_key in versions.items() for version in of_key]
    if not pairs:
        return {}
    parameters = ([key_id for key_id, _ in pairs], [version for _, version in pairs])
    cursor = await connection.execute(SQL.earlier_secrets_last_used, parameters)
    return {key_id: last_used for key_id, last_used in await cursor.fetchall()}  # noqa: C416 -- untyped tuples
