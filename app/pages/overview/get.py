"""GET /: what is happening in the organization, and what needs attention."""

from asyncio import gather
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple, TypeVar

from app.api.alerts.list import list_alerts
from app.api.alerts.schemas import Alert
from app.api.api_keys.list import ListedKey, list_keys
from app.api.api_keys.review import KeyReview, review_keys
from app.api.mcps.list import list_mcps
from app.api.mcps.schemas import Mcp
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.api.usage.current import get_usage
from app.api.usage.history import HistoryDay, list_usage_history
from app.api.usage.schemas import OrganizationReport
from app.http.pagination import Pagination
from app.pages.charts.bars import requests_chart
from app.pages.overview.attention import (
    EXPIRES_WITHIN_DAYS,
    ITEMS_MAX,
    ROTATION_ENDS_WITHIN_DAYS,
    attention,
    hints,
)
from app.pages.overview.checklist import may_be_shown, steps_of
from app.pages.page import Page
from app.pages.parts.activity_table import reason_text
from app.pages.parts.usage_reports import LAST_DAY, frame_of, outcomes_of, totals_of
from app.pages.rendering import PageResponse
from app.pages.route_calls import ListPage
from app.pages.visit import Visit
from app.pages.wording.text import number
from app.route import Route
from infrastructure.clock import now
from infrastructure.days import midnight

T = TypeVar("T")

_WEEKS_COMPARED = 4
_DAYS_COMPARED = 7 * _WEEKS_COMPARED + 1
_CANDIDATES = 5 * ITEMS_MAX
"""Of expiring and rotating keys, only those in use are shown, so more are read than there is room for."""

_EXPIRING = {
    "status": "active",
    "expiring_within_days": EXPIRES_WITHIN_DAYS,
    "sort": "expires_at",
    "per_page": _CANDIDATES,
}
_ROTATING = {"status": "active", "rotation_ends_within_days": ROTATION_ENDS_WITHIN_DAYS, "per_page": _CANDIDATES}
_UNHEALTHY = {"status": "active", "health": "unhealthy", "per_page": ITEMS_MAX}


class Today(NamedTuple):
    """The numbers of this UTC day. `usual`: the median of this weekday, or None before there is one."""

    requests: int
    errors: int
    refused: int
    error_share: str
    refused_share: str
    top_reason: str
    usual: str | None


@Page("GET", "/", access="people")
async def overview_page(visit: Visit) -> PageResponse:
    at = now()
    weeks_ago = (at - timedelta(weeks=_WEEKS_COMPARED)).date()
    (organization, hours, days, review), (critical, alerts, servers, rotating, expiring) = await gather(
        gather(
            visit.read(get_organization, Organization),
            visit.read(get_usage, OrganizationReport, {**LAST_DAY.detailed_query(at), "keys": 0}),
            visit.read_list(list_usage_history, HistoryDay, {"start_date": weeks_ago, "per_page": _DAYS_COMPARED}),
            _review(visit),
        ),
        gather(
            _listed(visit, list_alerts, Alert, {"status": "open", "severity": "critical", "per_page": ITEMS_MAX}),
            _listed(visit, list_alerts, Alert, {"status": "open", "per_page": ITEMS_MAX}),
            _listed(visit, list_mcps, Mcp, _UNHEALTHY),
            _listed(visit, list_keys, ListedKey, _ROTATING),
            _listed(visit, list_keys, ListedKey, _EXPIRING),
        ),
    )
    period = LAST_DAY.period(at)
    is_used = bool(organization.usage.monthly_requests or days.data)
    has_checklist = may_be_shown(visit) and not is_used and not await _was_used(visit)
    midnight_today = midnight(at.date())
    return await visit.page(
        "overview/get.html",
        today=_today(hours, days.data, at),
        since=f"{midnight_today:%Y-%m-%dT%H:%M}",
        organization=organization,
        open_alerts=None if alerts is None else _total(alerts.pagination),
        chart=requests_chart(
            frame_of("Requests, last 24 hours", "requests", hours, at, "/v1/usage", LAST_DAY.detailed_query(at)),
            period,
            outcomes_of(hours, period),
        ),
        items=attention(
            visit,
            [*_data(critical), *[alert for alert in _data(alerts) if alert.severity != "critical"]],
            _data(servers),
            _data(rotating),
            _data(expiring),
            at,
        ),
        hints=[] if review is None else hints(review),
        steps=steps_of(organization.usage) if has_checklist else None,
    )


async def _was_used(visit: Visit) -> bool:
    """Return whether a use of a key was ever counted."""
    return bool((await visit.read_list(list_usage_history, HistoryDay, {"per_page": 1})).data)


async def _review(visit: Visit) -> KeyReview | None:
    return await visit.read(review_keys, KeyReview) if visit.can("keys:read") else None


async def _listed(visit: Visit, route: Route, kind: type[T], query: Mapping[str, object]) -> ListPage[T] | None:
    """Return the list, or None if the role may not read it."""
    if route.access not in visit.person.grants:
        return None
    return await visit.read_list(route, kind, query)


def _data(listed: ListPage[T] | None) -> Sequence[T]:
    return () if listed is None else listed.data


def _total(pagination: Pagination) -> str:
    """Return the number of items, as "10,000+" if there are at least so many."""
    return f"{number(pagination.total or 0)}{'+' if pagination.total_exact is False else ''}"


def _today(hours: OrganizationReport, days: Sequence[HistoryDay], at: datetime) -> Today:
    start = midnight(at.date())
    today = [hour for hour in hours.by_hour or () if hour.hour >= start]
    period = LAST_DAY.period(at)
    totals = totals_of([each for each in outcomes_of(hours, period) if each.time >= start])
    reasons: Counter[str] = Counter()
    for hour in today:
        reasons.update({denied.reason: denied.denied for denied in hour.denied_by_reason or ()})
    same = [day.requests for day in days if day.date != at.date() and day.date.weekday() == at.weekday()]
    return Today(
        requests=totals.accepted,
        errors=totals.errors,
        refused=totals.refused,
        error_share=totals.error_share,
        refused_share=totals.refused_share,
        top_reason=reason_text(max(sorted(reasons), key=lambda code: reasons[code])) if reasons else "",
        usual=f"Usual {at:%A}: {number(round(median(same)))}" if any(same) else None,
    )
