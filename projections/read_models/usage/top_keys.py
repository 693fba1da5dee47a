"""The most used keys of an organization over a span of days (docs/decisions/0048)."""

from typing import NamedTuple

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.report import Named
from projections.read_models.usage.span import Span

_CANDIDATES_OF_DAY = 2
_CANDIDATES_MIN = 50
"""The most used keys of each day among which a report looks for those of its period: times the number of listed keys.

A key that is not among them on any day has at most the sum of the last candidates of all days. That sum rarely reaches
the last listed key with twice as many candidates as listed keys.
"""


class _Queries(NamedTuple):
    organization_keys: bytes
    organization_keys_in_parts: bytes
    creators_keys: bytes
    creators_keys_in_parts: bytes


_SQL = load(_Queries, __file__, "top_keys.sql")


async def top_keys(
    connection: Connection, organization_id: str, span: Span, created_by: str | None, limit: int
) -> tuple[list[Named], bool]:
    """Return the most used keys, and whether no other key can have more requests than the last of them.

    The keys are those that `created_by` created, or all if it is None.
    """
    if not limit:
        return [], True
    parameters = {"organization_id": organization_id, "limit": limit, **_hours_of(span)}
    if created_by is not None:
        statement = _SQL.creators_keys if span.is_utc else _SQL.creators_keys_in_parts
        cursor = await connection.execute(statement, {**parameters, "created_by": created_by})
        return [Named(*row) for row in await cursor.fetchall()], True
    statement = _SQL.organization_keys if span.is_utc else _SQL.organization_keys_in_parts
    of_day = max(_CANDIDATES_OF_DAY * limit, _CANDIDATES_MIN)
    rows = await (await connection.execute(statement, {**parameters, "of_day": of_day})).fetchall()
    keys = [Named(key_id, name, requests) for key_id, name, requests, _ in rows]
    others = rows[0][3] if rows else 0
    last = keys[-1].requests if len(keys) == limit else 0
    return keys, others <= last


def _hours_of(span: Span) -> dict[str, object]:
    if span.is_utc:
        return {"since": span.since, "until": span.until}
    days = span.covering
    return {"covering_first": days.since, "covering_last": days.until, **span.parts._asdict()}
