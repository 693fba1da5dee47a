"""One use by its id, and the state that decided it. All of it is read from the logs."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias, TypeVar

from domain.decider import Decider
from domain.keys.decider import KEY
from domain.keys.state import Existing
from domain.mcps.decider import MCP
from domain.mcps.state import Active, McpState, Registered
from domain.organization_status import OrganizationStatus
from domain.organizations.decider import ORGANIZATION
from domain.organizations.state import status_of
from domain.usage.decision import McpFacts
from domain.usage.events import KeyUsed
from eventstore.codec import decode_event, decode_record
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.log_queries.activity.entries import Entry, completed_of, time_around, use_entry, with_completions


class Queries(NamedTuple):
    use: bytes
    key_until: bytes
    records_until: bytes
    used_version: bytes


SQL = load(Queries, __file__, "single.sql")

COMMITTED_WITHIN = timedelta(seconds=10)
"""A change has the time at which its request came, and takes effect at its commit. The timeouts of the database bound
the time between them."""

S = TypeVar("S")
F = TypeVar("F")

Candidates: TypeAlias = tuple[F, ...]
"""The facts that can have decided a use at an instant, the last one first. There are several only if the fact changed
within `COMMITTED_WITHIN` before."""


class DecidingState(NamedTuple):
    """The key as it was at a revision, and the record of the change that made this revision."""

    state: Existing
    record: Record


async def entry_of(connection: Connection, event_id: str, organization_id: str) -> Entry | None:
    """Return the use with this id, or the use whose call ended with the event of this id, with the end of its call."""
    found = await find(connection, event_id, organization_id)
    if found is None:
        return None
    kind, at, use_id, body = found
    if kind == "completed":
        found = await find(connection, completed_of(body).call_id, organization_id)
        if found is None:
            return None
        _, at, use_id, body = found
    (entry,) = await with_completions(connection, [use_entry(at, use_id, body)])
    return entry


async def find(connection: Connection, event_id: str, organization_id: str) -> tuple[str, datetime, str, bytes] | None:
    """Return the kind, the time, the id and the bytes of a use or the end of a call, or None if there is none."""
    around = time_around(event_id)
    if around is None:
        return None
    named = {"event_id": event_id, "organization_id": organization_id, **around._asdict()}
    # Planned on each execution with constants, because the partition depends on the time.
    cursor = await connection.execute(SQL.use, named, prepare=False)
    return await cursor.fetchone()


async def deciding_state(connection: Connection, used: KeyUsed) -> DecidingState | None:
    """Return the state of the key that decided `used`, or None for a secret of no key."""
    if used.key_id is None:
        return None
    cursor = await connection.execute(SQL.key_until, (used.key_id, used.organization_id, used.revision))
    records = [decode_record(bytes(body)) for (body,) in await cursor.fetchall()]
    state = KEY.fold(map(decode_event, records))
    return None if state is None else DecidingState(state, records[-1])


async def mcps_at(
    connection: Connection, mcp_id: str | None, organization_id: str, at: datetime
) -> Candidates[McpFacts | None]:
    """Return an MCP server as it can have been when a use was decided, or None where it did not exist."""
    if mcp_id is None:
        return (None,)
    records = await _records_until(connection, mcp_id, organization_id, at)
    if not all(isinstance(decode_event(record), MCP.event_types) for record in records):
        return (None,)  # the id of another resource

    def facts(state: McpState) -> McpFacts | None:
        if not isinstance(state, Registered):
            return None
        return McpFacts(state.mcp.id, organization_id, state.mcp.environment, isinstance(state, Active))

    return _candidates(MCP, records, at, facts)


async def organization_statuses(
    connection: Connection, organization_id: str, at: datetime
) -> Candidates[OrganizationStatus]:
    """Return the statuses of an organization that can have decided a use."""
    records = await _records_until(connection, organization_id, organization_id, at)
    return _candidates(ORGANIZATION, records, at, lambda state: "active" if state is None else status_of(state))


async def used_versions_at(
    connection: Connection, used: KeyUsed, current: Existing | None, at: datetime
) -> Candidates[int]:
    """Return the secret versions before which all secrets of the key can have ended, by the use of a newer one.

    The retirement of the earlier secrets is recorded seconds later, with the instant of that use, in `current`.
    """
    cursor = await connection.execute(SQL.used_version, (used.key_id, used.organization_id))
    row = await cursor.fetchone()
    secrets = () if current is None else current.key.secrets
    ended = [
        (secret.version + 1, secret.valid_until)
        for secret in secrets
        if secret.retired and secret.valid_until is not None and secret.valid_until <= at
    ]
    if row is not None and row[1] < at:
        ended.append(row)
    last = max((version for version, _ in ended), default=0)
    before = max((version for version, ended_at in ended if ended_at <= at - COMMITTED_WITHIN), default=0)
    return (last,) if before == last else (last, before)


async def _records_until(connection: Connection, stream_id: str, organization_id: str, at: datetime) -> list[Record]:
    cursor = await connection.execute(SQL.records_until, (stream_id, organization_id, stream_id, at))
    return [decode_record(bytes(body)) for (body,) in await cursor.fetchall()]


def _candidates(
    decider: Decider[S, Any, Any], records: Sequence[Record], at: datetime, fact_of: Callable[[S], F]
) -> Candidates[F]:
    """Return the facts that can have been in effect at an instant."""
    state = decider.initial
    facts = [fact_of(state)]
    for record in records:
        state = decider.evolve(state, decode_event(record))
        fact = fact_of(state)
        if record.occurred_at <= at - COMMITTED_WITHIN:
            facts = [fact]
        elif fact != facts[0]:
            facts.insert(0, fact)
    return tuple(facts)
