"""Count the uses of a page of the usage log.

Every event is counted in `usage_counts`. A request of a key is an accepted use (`used`, `valid`) with the action
verify, check or call. Any accepted use, also of management, moves the key's `last_used` and that of the presented
secret. So does a verify call about another key, for the calling key. A denied request moves nothing, because the key
was not accepted.

Names that a caller without access could invent are not counted by name: the MCP server and the tool of a use that was
refused before the server was looked up, or because it does not exist. Otherwise the holder of an expired key could fill
the tables.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from domain.ids import ENTROPY_BYTES, new_id
from domain.usage.events import Code
from eventstore.errors import Corruption
from eventstore.reader import UsageBatch
from infrastructure.database.connections import Connection
from projections.engine.batch_size import AdaptiveBatchSize
from projections.engine.readers import range_of, usage_reader
from projections.engine.runner import AsyncProjection
from projections.read_models.usage.latency import BOUNDS_MS
from projections.read_models.usage.queries import SQL

_BATCHES_MAX = 5_000
_USES_MAX = 500_000
"""The page size: the maximum number of events in the batches that are counted in one transaction.

A process that is behind writes one row for more uses if pages are large. One that keeps up has small pages anyway.
"""

_FIRST_BATCHES = 500
_DOUBLED_BELOW_SECONDS = 3.0
"""Two pages of that size in one still finish in time; see `usage_plan`."""

_BOUNDS_MS = list(BOUNDS_MS)

UNLOOKED: tuple[Code, ...] = (
    "unauthorized",
    "revoked_key",
    "expired_key",
    "disabled_key",
    "ip_not_permitted",
    "forbidden",
    "not_found",
)
"""Decided before the MCP server was looked up, or because it does not exist; see `domain/usage/decision.py`."""


async def _apply(connection: Connection, page: Sequence[UsageBatch]) -> None:
    counted = await count_page(connection, page, SQL.usage_apply)
    _require_complete(page, declared=sum(batch.size for batch in page), counted=counted)


async def count_page(
    connection: Connection, page: Sequence[UsageBatch], statement: bytes, plan: bytes = SQL.usage_plan
) -> int:
    """Execute a statement that counts the events of `page` after one that sets its plan. Return how many it counted."""
    span = range_of(page)
    parameters = {**span._asdict(), "bounds": _BOUNDS_MS, "first_id": _first_id(span.until), "unlooked": list(UNLOOKED)}
    await connection.execute(plan)
    row = await (await connection.execute(statement, parameters)).fetchone()
    return row[0] if row else 0


async def count_kept_page(connection: Connection, page: Sequence[UsageBatch], statement: bytes) -> None:
    """Count as `count_page`. Raise `Corruption` if events are missing, except those of removed days.

    A read model that is newer than the log of its database may read batches of days that were removed before.
    """
    counted = await count_page(connection, page, statement)
    declared = sum(batch.size for batch in page)
    if counted != declared:
        row = await (await connection.execute(SQL.events_kept, range_of(page)._asdict())).fetchone()
        declared = row[0] if row else 0
    _require_complete(page, declared=declared, counted=counted)


def _require_complete(page: Sequence[UsageBatch], *, declared: int, counted: int) -> None:
    """Raise `Corruption` if the log contains more or fewer events than its batches declare."""
    if counted != declared:
        where = f"usage lane {page[0].lane}, batches {page[0].batch_no} to {page[-1].batch_no}"
        raise Corruption(f"{where}: they say {declared} events, and {counted} are there")


def _first_id(at: datetime) -> str:
    """Return the lowest possible id of an event that was made in the hour of `at`."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return new_id("evt", unix_ms=round(hour.timestamp() * 1000), entropy=bytes(ENTROPY_BYTES))


def usage_projection(
    name: str, apply: Callable[[Connection, Sequence[UsageBatch]], Awaitable[None]]
) -> AsyncProjection[UsageBatch]:
    """Return a projection of the usage log that counts large pages, each with one statement."""
    return AsyncProjection(
        name=name,
        version=1,
        log="usage",
        read=usage_reader(_BATCHES_MAX, _USES_MAX),
        apply=apply,
        batch_size=AdaptiveBatchSize(_FIRST_BATCHES, _DOUBLED_BELOW_SECONDS),
    )


USAGE = usage_projection("usage", _apply)
