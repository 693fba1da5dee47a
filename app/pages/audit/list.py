"""GET /audit: the changes of the organization as sentences, newest first, with filters and export."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, field

from app.api.audit.list import list_audit_events
from app.api.audit.schemas import EVENT_TYPES, AuditEvent
from app.pages.audit.sentences import sentence
from app.pages.page import Page
from app.pages.people import member_names
from app.pages.query import Applied, applied_filters, link_to, page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

_PATH = "/audit"
PER_PAGE = 50


class Query(Struct, frozen=True, omit_defaults=True):
    """The filters of the page. The days are UTC days, and the last one is included."""

    type: str = ""
    actor: str = ""
    resource: str = ""
    key_id: str = ""
    ip: str = ""
    since: date | None = field(default=None, name="from")
    until: date | None = field(default=None, name="to")
    cursor: str = ""


class Row(NamedTuple):
    event: AuditEvent
    text: str


@Page("GET", _PATH, access="audit:read")
async def audit_list_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    listed = await visit.read_list(list_audit_events, AuditEvent, {**_parameters(query), "per_page": PER_PAGE})
    people = await member_names(visit)
    cursor = listed.pagination.next_cursor
    period = {name: value for name, value in _parameters(query).items() if name in {"from", "to"}}
    return await visit.page(
        "audit/list.html",
        query=query,
        rows=[Row(event, sentence(event)) for event in listed.data],
        types=[("", "Any"), *[(name, name) for name in EVENT_TYPES]],
        people=people,
        applied=_applied(query, dict(people)),
        newest=link_to(_PATH, query) if query.cursor else None,
        older=None if cursor is None else link_to(_PATH, query, cursor=cursor),
        exports=[
            (title, f"/v1/audit/export?{urlencode({'format': form, **period})}")
            for form, title in (("csv", "Export CSV"), ("jsonl", "Export JSON Lines"))
        ],
    )


def _parameters(query: Query) -> dict[str, object]:
    """Return the parameters of the route. It takes instants, and an end that is not included."""
    given = {name: value for name, value in msgspec.to_builtins(query).items() if value}
    if query.since is not None:
        given["from"] = _start_of(query.since)
    if query.until is not None:
        given["to"] = _start_of(min(query.until, date.max - timedelta(days=1)) + timedelta(days=1))
    return given


def _start_of(day: date) -> str:
    return datetime.combine(day, time(), UTC).isoformat().replace("+00:00", "Z")


def _applied(query: Query, people: dict[str, str]) -> list[Applied]:
    texts = {
        "type": f"Event: {query.type}",
        "actor": f"By: {people.get(query.actor, query.actor)}",
        "resource": f"Changed: {people.get(query.resource, query.resource)}",
        "key_id": f"Key: {query.key_id}",
        "ip": f"Address: {query.ip}",
        "from": f"From {query.since}",
        "to": f"To {query.until}",
    }
    return applied_filters(_PATH, query, texts)
