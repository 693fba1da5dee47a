"""The filters of activity: parameters of a page, of its tail and of the API, for all keys and for one key."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeVar, get_args

from msgspec import Struct, field

from app.api.activity.schemas import ActivityEntry
from app.http.errors import invalid
from app.http.pagination import Pagination
from app.pages.parts.activity_table import OUTCOMES, activity_rows, reason_text
from app.pages.parts.filtered_lists import FilterBar, Found, filter_bar, find
from app.pages.query import given_filters, link_to
from app.pages.rendering import PageResponse, unchanged
from app.pages.visit import Visit
from app.pages.wording.words import DELETED_SERVER, USES
from app.route import Route
from domain.usage.events import Action, Denial
from projections.log_queries.activity.filters import Status
from projections.log_queries.activity.tail import SEEN_MAX

T = TypeVar("T", bound=ActivityEntry)

_PER_PAGE = 50
_TAIL_ROWS = 50
_TAIL_COUNTED = SEEN_MAX
"""A tail returns no more entries at a time."""

_LABELS = {
    "ip": "Address",
    "from": "From",
    "to": "Until",
    "secret_version": "Secret",
    "tool": "Tool",
    "mcp_id": "MCP server",
    "reason": "Reason",
}
"""The fields whose values can be refused."""

_REFUSALS = get_args(Denial)


class Filters(Struct, frozen=True, omit_defaults=True):
    """The filters of a page; an empty text filters nothing. Times are UTC, as `<input type=datetime-local>` has them.

    `after` is the place of a tail.
    """

    status: Literal[""] | Status = ""
    action: Literal[""] | Action = ""
    reason: str = ""
    mcp_id: str = ""
    tool: str = ""
    ip: str = ""
    secret_version: str = ""
    since: str = field(default="", name="from")
    until: str = field(default="", name="to")
    cursor: str = ""
    after: str = ""

    def to_api(self) -> dict[str, object]:
        """Return the parameters of the route. Raise 422 for a time that cannot be read."""
        given: dict[str, object] = {name: str(value).strip() for name, value in given_filters(self).items()}
        for name, value in (("from", self.since), ("to", self.until)):
            if name in given:
                given[name] = _instant(name, value.strip())
        return given


class ActivityList(NamedTuple):
    """A page of activity at the address `path`, for the template `activity/filters.html`.

    `scanned`: the uses that a page reads to find matches, in words.
    """

    path: str
    query: Filters
    bar: FilterBar
    mcps: Sequence[tuple[str, str]]
    pagination: Pagination
    scanned: str

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(status, outcome.text) for status, outcome in OUTCOMES.items()]

    @property
    def actions(self) -> list[tuple[str, str]]:
        return list(USES.items())

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Return the reasons to choose from: those of refusals, and the chosen one."""
        chosen = self.query.reason
        codes = [*_REFUSALS, *([chosen] if chosen and chosen not in _REFUSALS else [])]
        return [(code, reason_text(code)) for code in codes]

    @property
    def is_followed(self) -> bool:
        """Return whether a tail follows the list: it shows the newest entries, and more can appear."""
        return bool(self.pagination.next_after) and not self.query.until

    @property
    def tail(self) -> str:
        return link_to(f"{self.path}/tail", self.query)


def activity_list(
    path: str, filters: Filters, found: Found[T], servers: Mapping[str, str], scanned: str
) -> ActivityList:
    """Return the list at the address `path`. `servers`: the names of MCP servers by id."""
    texts, nouns = _texts(filters, servers), ("use", "uses")
    return ActivityList(
        path=path,
        query=filters,
        bar=filter_bar(path, filters, texts, found.page, nouns, errors=found.errors, labels=_LABELS),
        mcps=list(servers.items()),
        pagination=found.page.pagination,
        scanned=scanned,
    )


async def read_entries(visit: Visit, route: Route, kind: type[T], filters: Filters, **path: str) -> Found[T]:
    """Return what the filters find."""
    return await find(
        visit,
        route,
        kind,
        lambda: {**filters.to_api(), "cursor": filters.cursor or None, "per_page": _PER_PAGE},
        _LABELS,
        **path,
    )


async def tail_rows(
    visit: Visit, route: Route, kind: type[T], filters: Filters, *, with_keys: bool = False, **path: str
) -> PageResponse:
    """Return the rows since `after`, newest first, or 204 if there are none. Without `after`, return no rows.

    The header `Tail-After` has the next `after`, and `Tail-Count` the number of new entries. If there are too many for
    the page, the response has no rows. `Tail-More` is sent if there can be even more than were counted.
    """
    per_page = _TAIL_COUNTED if filters.after else 1
    parameters = {**filters.to_api(), "after": filters.after or None, "per_page": per_page}
    found = await visit.read_list(route, kind, parameters, **path)
    entries = found.data if filters.after else []
    headers = {"Tail-After": found.pagination.next_after or "", "Tail-Count": str(len(entries))}
    if len(entries) == _TAIL_COUNTED:
        headers["Tail-More"] = "true"
    if filters.after and not 0 < len(entries) <= _TAIL_ROWS:
        response = unchanged()
        response.headers.update(headers)
        return response
    rows = activity_rows(entries[::-1])
    return visit.fragment("parts/activity_rows.html", headers=headers, rows=rows, with_keys=with_keys)


def _texts(filters: Filters, servers: Mapping[str, str]) -> dict[str, str]:
    """Return the words of each filter."""
    outcome = OUTCOMES.get(filters.status)
    return {
        "status": f"Outcome: {outcome.text if outcome else ''}",
        "action": f"Use: {USES.get(filters.action, '')}",
        "reason": f"Reason: {reason_text(filters.reason)}",
        "mcp_id": f"MCP server: {servers.get(filters.mcp_id, DELETED_SERVER)}",
        "tool": f"Tool: {filters.tool}",
        "ip": f"Address: {filters.ip}",
        "secret_version": f"Secret: version {filters.secret_version}",
        "from": f"From {filters.since.replace('T', ' ')} UTC",
        "to": f"Until {filters.until.replace('T', ' ')} UTC",
    }


def _instant(name: str, given: str) -> str:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise invalid({name: "Must be a date and a time, such as 2026-11-28T14:00"}) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
