"""GET and POST /keys/{key_id}/revoke: refuse a key permanently, after showing what will stop."""

from asyncio import gather
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.revoke import RevokedKey, revoke_key
from app.api.api_keys.usage import get_key_usage
from app.api.usage.schemas import KeyReport
from app.http.errors import to_problem
from app.pages.keys.heading import heading_of, path_of
from app.pages.keys.permission_text import permission_text
from app.pages.keys.servers import named_servers, names_of
from app.pages.keys.stale_forms import changed_key
from app.pages.page import Page
from app.pages.parts.usage_reports import LAST_DAY, outcomes_of
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import duration, plural
from app.pages.wording.words import DELETED_SERVER, REVOCATION_REASONS
from infrastructure.clock import now
from projections.log_queries.activity.entries import USED

_DAY = timedelta(days=1)
_RECENT = timedelta(days=7)
"""A key that was used this recently is revoked only after its name was typed."""

_MONTH = timedelta(days=30)
_LOOKED_AT = 100


class Query(Struct, frozen=True):
    """A reason to preselect."""

    reason: str = ""


class Stopping(NamedTuple):
    """The accepted uses of the last 24 hours, which will stop. Addresses and tools are those of the latest uses."""

    uses: int
    rate: str
    last_at: datetime
    last_ip: str
    addresses: Sequence[tuple[str, int]]
    tools: Sequence["UsedTool"]
    looked_at: int | None


class UsedTool(NamedTuple):
    """The uses of one tool, or those of a server that name no tool."""

    server: str
    tool: str
    uses: int


@Page("GET", "/keys/{key_id}/revoke", access="keys:write")
async def key_revoke_page(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    return await _form_page(visit, key, await _stopping(visit, key, now()))


@Page("POST", "/keys/{key_id}/revoke", access="keys:write")
async def key_revoke_form(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    fields = visit.fields
    errors: dict[str, str] = {}
    if fields.one("reason") not in REVOCATION_REASONS:
        errors["reason"] = "Choose a reason."
    stopping = await _stopping(visit, key, now())
    if _needs_name(key, stopping, now()) and fields.one("confirm").strip() != key.name.strip():
        errors["confirm"] = "Type the name exactly as it is shown."
    if errors:
        return await _form_page(visit, key, stopping, errors)
    body = {"reason": fields.one("reason"), "note": fields.one("note").strip() or None}
    try:
        revoked = await visit.change(revoke_key, RevokedKey, body, fields.one("revision"), key_id=key_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        problem = to_problem(error)
        if problem.code == "validation_error":
            messages = {name: str(message) for name, message in problem.details.items()}
            return await _form_page(visit, key, stopping, messages)
        changed, change = await changed_key(visit, error, key_id)
        return await _form_page(visit, changed, stopping, change=change)
    return visit.go_to(path_of(key), "key_revoked", key_id, revoked.data.revoked_at)


async def _form_page(
    visit: Visit, key: KeyDetail, stopping: Stopping | None, errors: dict[str, str] | None = None, change: str = ""
) -> PageResponse:
    """Return the form. `change`: the change of the key that came before the submitted form, in a sentence."""
    if key.status == "revoked":
        return visit.go_to(path_of(key))
    at = now()
    return await visit.page(
        "keys/revoke.html",
        status=412 if change else 422 if errors else 200,
        key=key,
        change=change,
        heading=heading_of(visit, key, at),
        permission_text=permission_text(key.permissions, names_of(await named_servers(visit)), key.environment),
        stopping=stopping,
        is_idle=key.last_used is not None and at - key.last_used > _MONTH,
        needs_name=_needs_name(key, stopping, at),
        fields=visit.fields,
        chosen=visit.fields.one("reason") or page_query(visit.request, Query).reason,
        reasons=[(value, text, "") for value, text in REVOCATION_REASONS.items()],
        errors=errors or {},
    )


def _needs_name(key: KeyDetail, stopping: Stopping | None, at: datetime) -> bool:
    # The time of the last use is counted from the log, so it can be seconds late.
    if stopping is not None:
        return True
    return key.last_used is not None and at - key.last_used <= _RECENT


async def _stopping(visit: Visit, key: KeyDetail, at: datetime) -> Stopping | None:
    since = {"type": USED, "from": (at - _DAY).isoformat(), "per_page": _LOOKED_AT}
    latest, report = await gather(
        visit.read_list(list_key_activity, ActivityEntry, since, key_id=key.id),
        visit.read(get_key_usage, KeyReport, LAST_DAY.query(at), key_id=key.id),
    )
    uses = [use for use in latest.data if use.status != "denied"]
    if not uses:
        return None
    # The log is up to date, but only a part of it is read. The counts are complete, but seconds late.
    is_all = latest.pagination.next_cursor is None
    counted = sum(each.accepted + each.errors for each in outcomes_of(report, LAST_DAY.period(at)))
    total = len(uses) if is_all else max(counted, len(uses))
    return Stopping(
        uses=total,
        rate=_rate(total),
        last_at=uses[0].timestamp,
        last_ip=uses[0].ip or "",
        addresses=Counter(use.ip for use in uses if use.ip).most_common(),
        tools=_by_tool(uses),
        looked_at=None if is_all else len(uses),
    )


def _rate(uses: int) -> str:
    """Return how often that is: "about once every 5 min", "about 12 times a minute"."""
    minutes = _DAY / timedelta(minutes=1)
    if uses >= 2 * minutes:
        return f"about {plural(round(uses / minutes), 'time')} a minute"
    return f"about once every {duration(_DAY / uses)}" if uses < minutes else "about once a minute"


def _by_tool(uses: Sequence[ActivityEntry]) -> list[UsedTool]:
    """Return the uses of servers by tool, the most frequent first."""
    counts = Counter((use.mcp_name or DELETED_SERVER, use.tool or "") for use in uses if use.mcp_id)
    return [UsedTool(server, tool, count) for (server, tool), count in counts.most_common()]
