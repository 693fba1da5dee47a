"""Invariant I8 for the hours of organizations: every event up to the checkpoint is counted exactly once."""

from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS


class _Queries(NamedTuple):
    days_differing: bytes
    totals_differing: bytes
    refusals_differing: bytes


_SQL = load(_Queries, __file__, "check.sql")


async def check_organization_hours(connection: Connection) -> list[str]:
    """Return a line for each organization and day whose hours differ from the log.

    Also return a line for each total of an hour, and for each day of refusals, that differs from these hours.
    """
    cursor = await connection.execute(_SQL.days_differing, (ORGANIZATION_HOURS.name, ORGANIZATION_HOURS.log))
    lines = [
        f"I8 organization_usage_hours of '{organization_id}' on {day}: {counted} events counted, {logged} in the log"
        for organization_id, day, counted, logged in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.totals_differing)
    lines += [
        f"I8 organization_hour_totals of '{organization_id}' at {hour:%Y-%m-%d %H:%M}: {total} events, "
        f"{summed} by server"
        for organization_id, hour, total, summed in await cursor.fetchall()
    ]
    cursor = await connection.execute(_SQL.refusals_differing)
    return lines + [
        f"I8 organization_refusal_days of '{organization_id}' on {day}: {denied} refusals, {counted} by hour"
        for organization_id, day, denied, counted in await cursor.fetchall()
    ]
