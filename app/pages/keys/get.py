"""GET /keys/{key_id}: the overview of one key."""

from asyncio import gather
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from msgspec import UNSET

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.usage import get_key_usage
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.api.usage.schemas import KeyReport
from app.handlers import get_services
from app.pages.alerts.marks import alerts_about, marks_of
from app.pages.alerts.sentences import sentences_of
from app.pages.charts.bars import requests_chart
from app.pages.frame.flash import Subject
from app.pages.keys.heading import earlier_secrets, heading_of
from app.pages.keys.permission_text import permission_text
from app.pages.keys.servers import named_servers, names_of
from app.pages.keys.target import target_of
from app.pages.page import Page
from app.pages.parts.activity_table import activity_rows, actor_of, reason_text
from app.pages.parts.snippets import snippets
from app.pages.parts.usage_reports import LAST_DAY, frame_of, outcomes_of, share
from app.pages.rendering import PageResponse
from app.pages.route_calls import ListPage
from app.pages.visit import Visit
from app.pages.wording.actors import actor_name
from app.pages.wording.words import REVOKED_BECAUSE
from domain.keys.events import KeyRevoked
from infrastructure.clock import now
from projections.log_queries.activity.queries import SCAN_MAX

_ALERTS = 5
_REFUSALS = 3
_COUNTED = 100
_MONTH = 30
_REVOKED = str(KeyRevoked.__struct_config__.tag)


class Figures(NamedTuple):
    """Accepted requests. `error_rate` is that of 30 days; empty without requests."""

    today: int
    week: int
    month: int
    error_rate: str
    errors: int


class Refusals(NamedTuple):
    """The latest refusals with their reasons. `further`: the page that searches on, if not all uses were searched."""

    latest: list[tuple[ActivityEntry, str]]
    further: str


class Revocation(NamedTuple):
    """The revocation of a key, and the refused uses since then, which show who still has the key."""

    at: datetime
    by: str
    because: str
    refused: int
    is_minimum: bool
    last_ip: str


@Page("GET", "/keys/{key_id}", access="keys:read")
async def key_page(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    at = now()
    (servers, target), organization, (day, month), refusals, alerts, revocation = await gather(
        gather(named_servers(visit), target_of(visit, key)),
        visit.read(get_organization, Organization),
        _usage(visit, key_id, at),
        visit.read_list(list_key_activity, ActivityEntry, {"status": "denied", "per_page": _REFUSALS}, key_id=key_id),
        alerts_about(visit, key_id),
        _revocation(visit, key),
    )
    masked = f"{key.prefix}…"
    period = LAST_DAY.period(at)
    path, last_day = f"/v1/api-keys/{key_id}/usage", LAST_DAY.detailed_query(at)
    frame = frame_of("Requests, last 24 hours", "requests", day, at, path, last_day)
    return await visit.page(
        "keys/get.html",
        subject=Subject(key.id, key.name),
        key=key,
        heading=heading_of(visit, key, at, "Overview"),
        creator=actor_name(key.created_by),
        permission_text=permission_text(key.permissions, names_of(servers), key.environment),
        figures=_figures(month),
        chart=requests_chart(frame, period, outcomes_of(day, period), marks_of(alerts)),
        activity=activity_rows(key.recent_activity),
        earlier=[secret.version for secret in earlier_secrets(key, at)],
        alerts=[(alert, sentences_of(alert).title) for alert in alerts if alert.status == "open"][:_ALERTS],
        refusals=_refusals(key_id, refusals),
        searched=SCAN_MAX,
        revocation=revocation,
        snippets=snippets(
            get_services(visit.request).config.public_url, organization.mcp_url, masked, target, is_masked=True
        ),
        has_mcp_url=organization.mcp_url is not None,
    )


async def _usage(visit: Visit, key_id: str, at: datetime) -> tuple[KeyReport, KeyReport]:
    """Return the reports of the last day, by hour, and of the last 30 days."""
    month = {"start_date": at.date() - timedelta(days=_MONTH - 1)}
    return await gather(
        visit.read(get_key_usage, KeyReport, LAST_DAY.detailed_query(at), key_id=key_id),
        visit.read(get_key_usage, KeyReport, month, key_id=key_id),
    )


def _refusals(key_id: str, found: ListPage[ActivityEntry]) -> Refusals:
    is_complete = found.pagination.searched_to is UNSET
    query = {"status": "denied", "cursor": found.pagination.next_cursor}
    return Refusals(
        latest=[(entry, reason_text(entry.reason or "")) for entry in found.data],
        further="" if is_complete else f"/keys/{key_id}/activity?{urlencode(query)}",
    )


async def _revocation(visit: Visit, key: KeyDetail) -> Revocation | None:
    if key.revoked_at is None:
        return None
    changes, refused, usage = await gather(
        visit.read_list(list_key_activity, ActivityEntry, {"type": _REVOKED, "per_page": 1}, key_id=key.id),
        visit.read_list(
            list_key_activity,
            ActivityEntry,
            {"status": "denied", "from": key.revoked_at.isoformat(), "per_page": _COUNTED},
            key_id=key.id,
        ),
        visit.read(
            get_key_usage,
            KeyReport,
            {"start_date": max(key.revoked_at.date(), now().date() - timedelta(days=365))},
            key_id=key.id,
        ),
    )
    # The log is up to date, but reading all of it could take long. The counts are complete, but seconds late.
    counted = sum(each.denied for each in usage.denied_by_reason if each.reason == "revoked_key")
    is_counted = refused.pagination.next_cursor is None
    return Revocation(
        at=key.revoked_at,
        by=actor_of(changes.data[0]) if changes.data else "",
        because=_because(key),
        refused=len(refused.data) if is_counted else max(counted, len(refused.data)),
        is_minimum=not is_counted,
        last_ip=(refused.data[0].ip or "") if refused.data else "",
    )


def _because(key: KeyDetail) -> str:
    return REVOKED_BECAUSE.get(key.revoked_reason or "", "")


def _figures(month: KeyReport) -> Figures:
    requests = [day.requests for day in month.by_day]
    return Figures(
        today=requests[-1],
        week=sum(requests[-7:]),
        month=sum(requests),
        error_rate=share(month.by_status.error, month.total_requests),
        errors=month.by_status.error,
    )
