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
    creators_keys: bytes


_SQL = load(_Queries, __file__, "top_keys.sql")


async def top_keys(
    connection: Connection, organization_id: str, span: Span, created_by: str | None, limit: int
) -> tuple[list[Named], bool]:
    """Return the most used keys, and whether no other key can have more requests than the last of them.

    The keys are those that `created_by` created, or all if it is None.
    """
    if not limit:
        return [], True
    parameters = {"organization_id": organization_id, "limit": limit, **_span_parameters(span)}
    if created_by is not None:
        cursor = await connection.execute(_SQL.creators_keys, {**parameters, "created_by": created_by})
        return [Named(*row) for row in await cursor.fetchall()], True
    of_day = max(_CANDIDATES_OF_DAY * limit, _CANDIDATES_MIN)
    rows = await (await connection.execute(_SQL.organization_keys, {**parameters, "of_day": of_day})).fetchall()
    keys = [Named(key_id, name, requests) for key_id, name, requests, _ in rows]
    others = rows[0][3] if rows else 0
    last = keys[-1].requests if len(keys) == limit else 0
    return keys, others <= last


def _span_parameters(span: Span) -> dict[str, object]:
    """Return the UTC days with any hour of the span, and the same hours as whole days and the hours around them."""
    days = span.covering
    return {
        "covering_first": days.since,
        "covering_last": days.until,
        "only_whole_days": span.is_utc,
        **span.parts._asdict(),
    }
