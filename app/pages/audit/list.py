"""GET /audit: the changes of the organization as sentences, newest first, with filters and export."""

from asyncio import gather
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, field

from app.api.audit.list import list_audit_events
from app.api.audit.schemas import AuditEvent
from app.pages.audit.sentences import resource_of, sentence
from app.pages.page import Page
from app.pages.parts.filtered_lists import filter_bar, find, list_page
from app.pages.parts.people import member_names
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.actors import actor_name
from app.pages.wording.words import AUDIT_EVENTS
from infrastructure.days import midnight

_PATH = "/audit"
PER_PAGE = 50

_LABELS = {"ip": "IP address", "resource": "ID of what changed", "actor": "By", "type": "Event"}
"""The fields whose values can be refused."""


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
    (listed, errors), people = await gather(
        find(visit, list_audit_events, AuditEvent, lambda: {**_parameters(query), "per_page": PER_PAGE}, _LABELS),
        member_names(visit),
    )
    texts = _texts(query, await _named(visit, query, listed.data))
    nouns = ("change", "changes")
    bar = filter_bar(_PATH, query, texts, listed, nouns, carried=("key_id",), errors=errors, labels=_LABELS)
    period = {name: value for name, value in _parameters(query).items() if name in {"from", "to"}}
    return await list_page(
        visit,
        "audit/list.html",
        bar,
        query=query,
        rows=[Row(event, sentence(event)) for event in listed.data],
        types=[("", "Any"), *sorted(AUDIT_EVENTS.items(), key=lambda each: each[1])],
        people=people,
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
    return midnight(day).isoformat().replace("+00:00", "Z")


class Named(NamedTuple):
    """The names of what the filters are about. Empty: no change tells the name."""

    actor: str
    resource: str
    key: str


async def _named(visit: Visit, query: Query, listed: Sequence[AuditEvent]) -> Named:
    """Return the names of the filters in effect, from the listed changes, or else from any change of the same."""
    actor, resource, key = await gather(
        _change_of(visit, listed, query.actor, "actor", lambda event: event.actor.id),
        _change_of(visit, listed, query.resource, "resource", lambda event: event.resource.id),
        _change_of(visit, listed, query.key_id, "resource", lambda event: event.resource.id),
    )
    return Named(
        actor="" if actor is None else actor_name(actor.actor),
        resource="" if resource is None else resource_of(resource),
        key="" if key is None else str(key.resource.name or ""),
    )


async def _change_of(
    visit: Visit, listed: Sequence[AuditEvent], wanted: str, parameter: str, id_of: Callable[[AuditEvent], str]
) -> AuditEvent | None:
    """Return a change whose `id_of` is the wanted id, if there is one. `parameter` is the filter of the route."""
    if not wanted:
        return None
    found = next((event for event in listed if id_of(event) == wanted), None)
    if found is None:
        parameters = {parameter: wanted, "per_page": 1}
        events = await find(visit, list_audit_events, AuditEvent, lambda: parameters, (parameter,))
        found = next(iter(events.page.data), None)
    return found


def _texts(query: Query, named: Named) -> dict[str, str]:
    """Return the words of each filter."""
    return {
        "type": AUDIT_EVENTS.get(query.type, query.type),
        "actor": f"By: {named.actor or query.actor}",
        "resource": f"Changed: {named.resource or query.resource}",
        "key_id": f"Changes of or with the key: {named.key or query.key_id}",
        "ip": f"Address: {query.ip}",
        "from": f"From {query.since}",
        "to": f"To {query.until}",
    }
