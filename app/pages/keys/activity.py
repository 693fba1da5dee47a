"""GET /keys/{key_id}/activity: the changes and uses of one key, with filters, and a tail that follows them."""

from asyncio import gather
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, field

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.get import KeyDetail, get_key
from app.http.errors import invalid, to_problem
from app.http.pagination import Pagination
from app.pages.activity_table import activity_rows, reason_text
from app.pages.keys.heading import heading_of
from app.pages.keys.servers import DELETED, all_servers, names_of
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse, unchanged
from app.pages.route_calls import ListPage
from app.pages.visit import Visit
from domain.usage.events import Denial
from infrastructure.clock import now
from projections.log_queries.activity.queries import SCAN_MAX

PER_PAGE = 50
_REFUSALS = get_args(Denial)
_TAIL_ROWS = 50


class Query(Struct, frozen=True, omit_defaults=True):
    """The filters of the page; an empty text filters nothing. Times are UTC, as `<input type=datetime-local>` has them.

    `after` is the place of a tail.
    """

    status: Literal["", "success", "denied", "error", "started"] = ""
    reason: str = ""
    mcp_id: str = ""
    tool: str = ""
    ip: str = ""
    secret_version: str = ""
    since: str = field(default="", name="from")
    until: str = field(default="", name="to")
    cursor: str = ""
    after: str = ""

    def given(self) -> dict[str, str]:
        """Return the filters that are in effect, as they are in the address."""
        names = msgspec.to_builtins(self)
        return {name: value for name, value in names.items() if value.strip() and name not in {"cursor", "after"}}

    def to_api(self) -> Mapping[str, object]:
        """Return the parameters of the route. Raise 422 for a time that cannot be read."""
        given = {name: value.strip() for name, value in self.given().items()}
        for name in ("from", "to"):
            if name in given:
                given[name] = _instant(name, given[name])
        return given


class Applied(NamedTuple):
    """A filter that is in effect, with the address of the page without it."""

    text: str
    link: str


@Page("GET", "/keys/{key_id}/activity", access="keys:read")
async def key_activity_page(visit: Visit, key_id: str) -> PageResponse:
    query = page_query(visit.request, Query)
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    servers, (listed, errors) = await gather(all_servers(visit), _listed(visit, key_id, query))
    names, path = names_of(servers), f"/keys/{key_id}/activity"
    pagination, given = listed.pagination, query.given()
    return await visit.page(
        "keys/activity.html",
        status=422 if errors else 200,
        key=key,
        heading=heading_of(visit, key, now(), "Activity"),
        query=query,
        errors=errors,
        rows=activity_rows(listed.data),
        applied=[Applied(text, _link(path, given, without=name)) for name, text in _texts(given, names).items()],
        mcps=[(server.id, server.name) for server in servers],
        reasons=_reasons(query.reason),
        versions=[(str(secret.version), f"Version {secret.version}") for secret in key.secrets],
        scan_max=SCAN_MAX,
        searched_to=pagination.searched_to or None,
        older=None if pagination.next_cursor is None else _link(path, {**given, "cursor": pagination.next_cursor}),
        newest=_link(path, given),
        tail=_link(f"{path}/tail", given),
        after=pagination.next_after or "",
    )


@Page("GET", "/keys/{key_id}/activity/tail", access="keys:read")
async def key_activity_tail(visit: Visit, key_id: str) -> PageResponse:
    """Return the rows since `after`, newest first, otherwise 204. Headers have the next `after`, and if there are more.

    A page that is far behind is not filled row by row.
    """
    query = page_query(visit.request, Query)
    parameters = {**query.to_api(), "after": query.after, "per_page": _TAIL_ROWS}
    entries = await visit.read_list(list_key_activity, ActivityEntry, parameters, key_id=key_id)
    headers = {"Tail-After": entries.pagination.next_after or ""}
    if not entries.data:
        response = unchanged()
        response.headers.update(headers)
        return response
    if len(entries.data) == _TAIL_ROWS:
        headers["Tail-More"] = "true"
    rows = activity_rows(entries.data[::-1])
    return visit.fragment("parts/activity_rows.html", headers=headers, rows=rows)


async def _listed(visit: Visit, key_id: str, query: Query) -> tuple[ListPage[ActivityEntry], dict[str, str]]:
    """Return the page of entries, or none and a message for each filter that cannot be read."""
    try:
        parameters = {**query.to_api(), "cursor": query.cursor or None, "per_page": PER_PAGE}
        return await visit.read_list(list_key_activity, ActivityEntry, parameters, key_id=key_id), {}
    except Exception as error:
        problem = to_problem(error)
        if problem.code != "validation_error" or "cursor" in problem.details:
            raise
        nothing = Pagination(page=None, per_page=PER_PAGE, total=None, total_pages=None, next_cursor=None)
        return ListPage([], nothing), {name: str(message) for name, message in problem.details.items()}


def _instant(name: str, given: str) -> str:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise invalid({name: "Must be a date and a time, such as 2026-11-28T14:00"}) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _reasons(chosen: str) -> list[tuple[str, str]]:
    """Return the reasons to choose from: those of refusals, and the chosen one."""
    codes = [*_REFUSALS, *([chosen] if chosen and chosen not in _REFUSALS else [])]
    return [(code, reason_text(code)) for code in codes]


def _texts(given: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the words for each filter in effect."""
    words = {"success": "accepted", "denied": "refused", "error": "error", "started": "started"}
    texts = {
        "status": f"Outcome: {words.get(given.get('status', ''), '')}",
        "reason": f"Reason: {reason_text(given.get('reason', ''))}",
        "mcp_id": f"MCP server: {names.get(given.get('mcp_id', ''), DELETED)}",
        "tool": f"Tool: {given.get('tool', '')}",
        "ip": f"Address: {given.get('ip', '')}",
        "secret_version": f"Secret: version {given.get('secret_version', '')}",
        "from": f"From {given.get('from', '').replace('T', ' ')} UTC",
        "to": f"Until {given.get('to', '').replace('T', ' ')} UTC",
    }
    return {name: text for name, text in texts.items() if name in given}


def _link(path: str, given: Mapping[str, str], *, without: str = "") -> str:
    kept = {name: value for name, value in given.items() if name != without}
    return f"{path}?{urlencode(kept)}" if kept else path
