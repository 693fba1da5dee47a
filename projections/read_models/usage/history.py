"""The days on which an organization had any usage, as UTC days."""

from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.report import Day, Outcomes
from projections.read_models.usage.span import Span


class _Queries(NamedTuple):
    organization_days: bytes
    organization_days_total: bytes


_SQL = load(_Queries, __file__, "history.sql")


async def organization_days(
    connection: Connection, organization_id: str, span: Span, *, limit: int, offset: int
) -> list[Day]:
    """Return the days with any uses, newest first."""
    parameters = {**_parameters(organization_id, span), "limit": limit, "offset": offset}
    cursor = await connection.execute(_SQL.organization_days, parameters)
    return [Day(day, Outcomes(*sums)) for day, *sums in await cursor.fetchall()]


async def organization_days_total(connection: Connection, organization_id: str, span: Span) -> int:
    """Return the number of such days."""
    cursor = await connection.execute(_SQL.organization_days_total, _parameters(organization_id, span))
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


def _parameters(organization_id: str, span: Span) -> dict[str, object]:
    return {"organization_id": organization_id, "since": span.since, "until": span.until}
