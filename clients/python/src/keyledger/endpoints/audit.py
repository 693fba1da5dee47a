"""The calls of `client.audit`."""

from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import quote

from keyledger.call import Call, data_of, page_of, query_of
from keyledger.models.audit import AuditEvent
from keyledger.models.page import Page

Format: TypeAlias = Literal["jsonl", "csv", "excel"]

_EVENTS = "/v1/audit/events"

_event = data_of(AuditEvent)
_events = page_of(AuditEvent)


def list_audit_events(
    *,
    type: str | None = None,  # noqa: A002 -- the parameter's name in the API
    actor: str | None = None,
    resource: str | None = None,
    key_id: str | None = None,
    ip: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[AuditEvent]]:
    """List all changes in the organization, newest first. `since` is inclusive, `until` exclusive."""
    query = query_of(
        type=type,
        actor=actor,
        resource=resource,
        key_id=key_id,
        ip=ip,
        from_=since,
        to=until,
        cursor=cursor,
        per_page=per_page,
    )
    return Call("GET", _EVENTS, _events, query)


def get_audit_event(event_id: str) -> Call[AuditEvent]:
    """Return one event."""
    return Call("GET", f"{_EVENTS}/{quote(event_id, safe='')}", _event)


def export_audit_log(
    *,
    format: Format | None = None,  # noqa: A002 -- the parameter's name in the API
    since: datetime | None = None,
    until: datetime | None = None,
) -> Call[bytes]:
    """Export all changes as a file, in pieces of any size, oldest first.

    The last line contains the number of events before it. A file without this line is incomplete.
    """
    return Call("GET", "/v1/audit/export", bytes, query_of(format=format, from_=since, to=until))
