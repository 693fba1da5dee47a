"""GET /alerts: the alerts of the organization, by default those that are open."""

from typing import Literal, NamedTuple

from msgspec import Struct

from app.api.alerts.list import list_alerts
from app.api.alerts.schemas import Alert
from app.pages.alerts.sentences import Sentences, sentences_of
from app.pages.page import Page
from app.pages.parts.filtered_lists import filter_bar, list_page
from app.pages.query import link_to, page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import ALERTS, SEVERITIES
from domain.alerts.events import AlertType, Severity

_PATH = "/alerts"
PER_PAGE = 25

_SHOWN = {"open": "Open", "acknowledged": "Acknowledged", "all": "All"}


class Query(Struct, frozen=True, omit_defaults=True):
    """The filters of the page; an empty text filters nothing."""

    status: Literal["", "open", "acknowledged", "all"] = "open"
    severity: Literal[""] | Severity = ""
    type: Literal[""] | AlertType = ""
    key_id: str = ""
    cursor: str = ""


class Row(NamedTuple):
    alert: Alert
    text: Sentences


@Page("GET", _PATH, access="alerts:read")
async def alert_list_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    parameters = {
        "status": None if query.status == "all" else query.status or "open",
        "severity": query.severity or None,
        "type": query.type or None,
        "key_id": query.key_id or None,
        "cursor": query.cursor or None,
        "per_page": PER_PAGE,
    }
    listed = await visit.read_list(list_alerts, Alert, parameters)
    key_name = next((alert.key_name or "A key" for alert in listed.data), "A key")
    texts = {
        "severity": f"Severity: {SEVERITIES.get(query.severity, '')}",
        "type": f"Type: {ALERTS[query.type] if query.type else ''}",
        "key_id": f"Key: {key_name}",
    }
    all_of_status = link_to(_PATH, Query(status=query.status))
    nouns = ("alert", "alerts")
    bar = filter_bar(_PATH, query, texts, listed, nouns, carried=("status", "key_id"), clear=all_of_status)
    return await list_page(
        visit,
        "alerts/list.html",
        bar,
        row_ids=[alert.id for alert in listed.data],
        query=query,
        statuses=[
            (
                title,
                link_to(_PATH, query, status=None if status == "open" else status),
                status == (query.status or "open"),
            )
            for status, title in _SHOWN.items()
        ],
        rows=[Row(alert, sentences_of(alert)) for alert in listed.data],
        pagination=listed.pagination,
    )
