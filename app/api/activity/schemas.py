"""Entries of activity in responses, and their conversion from the logs."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.schemas import Actor, Count, Time, to_actor
from domain.actor import KeyActor
from domain.keys.events import KeyRevoked
from domain.usage.events import Action, CallCompleted, KeyUsed
from eventstore.codec import decode_event
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.entries import USED, Entry
from projections.log_queries.activity.filters import Status
from projections.log_queries.names.queries import Names, names_of


class ActivityEntry(Struct, frozen=True, kw_only=True):
    """A change or a use of a key. The `status` of a call without a recorded end is `started`.

    `country` is that of `ip`, two letters (ISO 3166-1), if the service has a database that contains it. `mcp_name` is
    missing if the organization never had such a server.
    """

    id: str
    timestamp: Time
    event: str
    action: Action | UnsetType = UNSET
    actor: Actor
    status: Status
    ip: str | None
    user_agent: str | None
    revision: int | None
    secret_version: (
        Annotated[int, Meta(ge=1, description="The version of the key's secret that was presented.")] | UnsetType
    ) = UNSET
    latency_ms: Count | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    mcp_id: str | UnsetType = UNSET
    mcp_name: str | UnsetType = UNSET
    tool: str | UnsetType = UNSET
    country: str | UnsetType = UNSET


ACTIVITY_EXAMPLE = ActivityEntry(
    id=examples.EVENT_ID,
    timestamp=examples.LATER,
    event=USED,
    action="call",
    actor=Actor("api_key", examples.KEY_ID, "My agent"),
    status="success",
    ip="192.0.2.7",
    user_agent="agent/1.0",
    revision=3,
    secret_version=1,
    latency_ms=42,
    mcp_id=examples.MCP_ID,
    mcp_name="Wiki",
    tool="get_page",
)


async def names_in(connection: Connection, entries: Sequence[Entry], *, created_by: str | None) -> Names:
    """Return the names of the actors and MCP servers of `entries`. `created_by`: see `names_of`."""
    uses = [entry.happened for entry in entries if isinstance(entry.happened, KeyUsed)]
    changes = [entry.happened for entry in entries if isinstance(entry.happened, Record)]
    return await names_of(
        connection,
        actors=[change.origin.actor for change in changes],
        key_ids=[_caller_id(use) for use in uses],
        mcp_ids=[use.mcp_id for use in uses],
        created_by=created_by,
    )


def to_activity_entry(entry: Entry, names: Names, country_of: CountryOf) -> ActivityEntry:
    """Return an entry of the response. `names` are those of `names_in`."""
    match entry.happened:
        case Record() as record:
            shown = _to_change(entry, record, names)
        case KeyUsed() as used:
            shown = _to_use(entry, used, names)
    country = None if shown.ip is None else country_of(shown.ip)
    return shown if country is None else structs.replace(shown, country=country)


def _to_change(entry: Entry, record: Record, names: Names) -> ActivityEntry:
    event = decode_event(record)
    return ActivityEntry(
        id=entry.id,
        timestamp=entry.at,
        event=record.type,
        actor=to_actor(record.origin.actor, names),
        status="success",
        ip=record.origin.ip,
        user_agent=record.origin.user_agent,
        revision=record.version,
        reason=event.reason if isinstance(event, KeyRevoked) else UNSET,
    )


def _to_use(entry: Entry, used: KeyUsed, names: Names) -> ActivityEntry:
    completed = entry.completed
    caller_id = _caller_id(used)
    return ActivityEntry(
        id=entry.id,
        timestamp=entry.at,
        event=USED,
        action=used.action,
        actor=Actor("api_key", None) if caller_id is None else to_actor(KeyActor(caller_id), names),
        status=_status(used, completed),
        ip=used.ip,
        user_agent=used.user_agent,
        revision=used.revision,
        secret_version=UNSET if used.secret_version is None else used.secret_version,
        latency_ms=UNSET if completed is None else completed.latency_ms,
        reason=_reason(used, completed),
        mcp_id=UNSET if used.mcp_id is None else used.mcp_id,
        mcp_name=UNSET if used.mcp_id is None else names.mcps.get(used.mcp_id, UNSET),
        tool=UNSET if used.tool is None else used.tool,
    )


def _caller_id(used: KeyUsed) -> str | None:
    """Return the key that acted: the one that asked about another key, or the presented one. None: unknown."""
    return used.caller_key_id or used.key_id


def _status(used: KeyUsed, completed: CallCompleted | None) -> Status:
    if used.code != "valid":
        return "denied"
    if used.action != "call":
        return "success"
    # A crash between the two steps of a call leaves it without a recorded end, so its outcome is unknown.
    return "started" if completed is None else completed.status


def _reason(used: KeyUsed, completed: CallCompleted | None) -> str | UnsetType:
    if completed is not None and completed.error is not None:
        return completed.error
    return UNSET if used.code == "valid" else used.code
