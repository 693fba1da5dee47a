"""One use by its id, and the state that decided it. All of it is read from the logs."""

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.keys.decider import KEY
from domain.keys.state import Existing
from domain.mcps.decider import MCP
from domain.mcps.state import Active, Registered
from domain.organization_status import OrganizationStatus
from domain.organizations.decider import ORGANIZATION
from domain.organizations.state import status_of
from domain.usage.decision import McpFacts
from domain.usage.events import KeyUsed
from eventstore.codec import decode_event, decode_record
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.log_queries.activity.entries import Entry, completed_of, use_entry, with_completions


class Queries(NamedTuple):
    use: bytes
    key_until: bytes
    mcp_until: bytes
    organization_until: bytes
    used_version: bytes


SQL = load(Queries, __file__, "single.sql")


COMMITTED_WITHIN = timedelta(seconds=10)
"""A change has the time at which its request came, and takes effect at its commit. The timeouts of the database bound
the time between them."""


class DecidingState(NamedTuple):
    """The key as it was at a revision, and the record of the change that made this revision."""

    state: Existing
    record: Record


async def entry_of(connection: Connection, event_id: str, organization_id: str) -> Entry | None:
    """Return the use with this id, or the use whose call ended with the event of this id, with the end of its call."""
    found = await _find(connection, event_id, organization_id)
    if found is None:
        return None
    kind, at, use_id, body = found
    if kind == "completed":
        found = await _find(connection, completed_of(body).call_id, organization_id)
        if found is None:
            return None
        _, at, use_id, body = found
    (entry,) = await with_completions(connection, [use_entry(at, use_id, body)])
    return entry


async def _find(connection: Connection, event_id: str, organization_id: str) -> tuple[str, datetime, str, bytes] | None:
    cursor = await connection.execute(SQL.use, (event_id, event_id, event_id, organization_id))
    return await cursor.fetchone()


async def deciding_state(connection: Connection, used: KeyUsed) -> DecidingState | None:
    """Return the state of the key that decided `used`, or None for a secret of no key."""
    if used.key_id is None:
        return None
    cursor = await connection.execute(SQL.key_until, (used.key_id, used.organization_id, used.revision))
    records = [decode_record(bytes(body)) for (body,) in await cursor.fetchall()]
    state = KEY.fold(map(decode_event, records))
    return None if state is None else DecidingState(state, records[-1])


async def mcp_at(connection: Connection, mcp_id: str | None, organization_id: str, at: datetime) -> McpFacts | None:
    """Return an MCP server as it was at an instant, or None if it did not exist."""
    if mcp_id is None:
        return None
    cursor = await connection.execute(SQL.mcp_until, (mcp_id, organization_id, at))
    events = [decode_event(decode_record(bytes(body))) for (body,) in await cursor.fetchall()]
    if not all(isinstance(event, MCP.event_types) for event in events):
        return None  # the id of another resource
    state = MCP.fold(events)
    if not isinstance(state, Registered):
        return None
    return McpFacts(state.mcp.id, organization_id, state.mcp.environment, isinstance(state, Active))


async def organization_statuses(
    connection: Connection, organization_id: str, at: datetime
) -> tuple[OrganizationStatus, ...]:
    """Return the statuses of an organization that can have decided a use at an instant, the last one first.

    There are several only if the status changed within `COMMITTED_WITHIN` before.
    """
    cursor = await connection.execute(SQL.organization_until, (organization_id, organization_id, at))
    records = [decode_record(bytes(body)) for (body,) in await cursor.fetchall()]
    state = ORGANIZATION.initial
    statuses: list[OrganizationStatus] = ["active"]
    for record in records:
        state = ORGANIZATION.fold([decode_event(record)], state)
        status: OrganizationStatus = "active" if state is None else status_of(state)
        if record.occurred_at <= at - COMMITTED_WITHIN:
            statuses = [status]
        elif status != statuses[0]:
            statuses.insert(0, status)
    return tuple(statuses)


async def used_version_at(connection: Connection, used: KeyUsed, current: Existing | None, at: datetime) -> int:
    """Return the secret version before which all secrets of the key had ended at an instant, by the use of a newer one.

    The retirement of the earlier secrets is recorded seconds later, with the instant of that use, in `current`.
    """
    cursor = await connection.execute(SQL.used_version, (used.key_id, used.organization_id, at))
    row = await cursor.fetchone()
    secrets = () if current is None else current.key.secrets
    ended = [
        secret.version + 1
        for secret in secrets
        if secret.retired and secret.valid_until is not None and secret.valid_until <= at
    ]
    return max([*ended, row[0] if row else 0])
