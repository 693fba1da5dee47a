"""GET /static/specimen: each element of the pages in each of its states, for developers.

Only a service on plain HTTP of the same machine has this page, as with `make run`.
"""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from litestar import get
from msgspec import structs

from app.api.activity.schemas import ACTIVITY_EXAMPLE, ActivityEntry
from app.api.audit.schemas import AUDIT_EVENT_EXAMPLE
from app.auth.sessions import cookies_of
from app.handlers import HttpRequest, get_services
from app.http.errors import Problem
from app.pages.charts.bars import Alert, Outcomes, Refusals, refusals_chart, requests_chart
from app.pages.charts.chart import Chart, Frame
from app.pages.charts.error_rate import Calls, error_rate_chart
from app.pages.charts.latency import Latencies, latency_chart
from app.pages.charts.month import Requests, month_chart, month_of
from app.pages.charts.period import period_until
from app.pages.charts.sparkline import sparkline
from app.pages.fields import Fields
from app.pages.forms.refusals import Refusal, StaleChange
from app.pages.parts.activity_table import activity_rows
from app.pages.parts.filtered_lists import FilterBar
from app.pages.parts.snippets import Block, Snippet
from app.pages.parts.usage_reports import Share
from app.pages.query import Applied
from app.pages.rendering import AS_PAGE, PageResponse, page
from app.pages.wording.words import STATUSES

AT = datetime(2026, 11, 28, 21, 33, 49, tzinfo=UTC)
"""The moment that the page shows as now."""

LONG = "<b>ops</b> & \u05d0\u05d1\u05d2 " + "long-" * 14
"""A name with markup and text from right to left, which is longer than its place."""


@get("/static/specimen", access="anyone", exception_handlers=AS_PAGE)
async def specimen(request: HttpRequest) -> PageResponse:
    if cookies_of(get_services(request).config).secure:
        raise Problem("not_found")
    return page("specimen.html", **samples())


def samples() -> dict[str, Any]:
    """Return the values of the template."""
    return {
        "now": AT,
        "long": LONG,
        "statuses": STATUSES,
        "tones": ("ok", "info", "warn", "danger", "muted"),
        "ages": [AT - timedelta(seconds=length) for length in (3, 240, 7_200, 260_000, 90_000_000)],
        "choices": [("a", "First choice", ""), ("b", "Second choice", "With an explanation."), ("c", LONG, LONG)],
        "errors": {"refused_name": "Enter a name.", "refused_choice": "Choose one.", "refused_note": "Too long."},
        "refused": Refusal({"refused_name": "Enter a name."}, "The plan does not allow more.", 422),
        "stale": Refusal({}, "", 412, StaleChange(AUDIT_EVENT_EXAMPLE, "Ada")),
        "overtaken": Refusal({}, "", 412),
        "latencies": [SimpleNamespace(p50=120, p95=1_480, p99=9_000), SimpleNamespace(p50=None)],
        "share_rows": [
            Share("get_page", 1_204, "90.1%", server="Wiki"),
            Share(LONG, 132, "9.9%", "/activity", "Wiki"),
        ],
        "rows": activity_rows(_entries()),
        "charts": _charts(),
        "sparklines": [sparkline([3, 9, 0, 4, 12, 7, 8, 1, 0, 2, 5, 6, 3, 2]), sparkline([1, 0, 0, 0]), sparkline([])],
        "snippets": [
            Snippet("shell", "Shell", (Block("curl https://keyledger.example/v1/auth/verify"),)),
            Snippet("env", ".env", (Block("KEYLEDGER_KEY=…", "In .env"),), "Add .env to .gitignore."),
        ],
        "tools": [
            SimpleNamespace(name="get_page", description="Returns a page."),
            SimpleNamespace(name=LONG, description=""),
        ],
        "alert": SimpleNamespace(id="alt_1", key_id="key_1"),
        "alert_without_key": SimpleNamespace(id="alt_2", key_id=None),
        "alert_text": SimpleNamespace(subject="prod-server", happened="made 1,204 requests in an hour."),
        "webhooks": [
            SimpleNamespace(status="active", disabled_because=None),
            SimpleNamespace(status="disabled", disabled_because="requested"),
            SimpleNamespace(status="disabled", disabled_because="failing"),
        ],
        "attempts": [
            SimpleNamespace(status_code=200, error=None, latency_ms=1_204),
            SimpleNamespace(status_code=None, error="connection refused", latency_ms=12),
            SimpleNamespace(status_code=None, error=None, latency_ms=10_000),
        ],
        "bar": FilterBar(
            path="/static/specimen",
            applied=[Applied("Status: Active", "/static/specimen"), Applied(LONG, "/static/specimen")],
            carried=[("sort", "name")],
            clear="/static/specimen",
            result="No keys match.",
            errors={"ip": "Must be an IP address."},
            labels={"ip": "Address"},
            first="/static/specimen",
            shown="/static/specimen",
            older=None,
        ),
        "fields": Fields(),
    }


def _entries() -> list[ActivityEntry]:
    """Return an entry with each outcome, and a change."""
    uses = [
        structs.replace(ACTIVITY_EXAMPLE, id=f"evt_{status}", timestamp=AT - timedelta(minutes=place), status=status)
        for place, status in enumerate(("success", "denied", "error", "started"))
    ]
    uses[1] = structs.replace(uses[1], reason="ip_not_permitted", user_agent=LONG)
    return [*uses, structs.replace(ACTIVITY_EXAMPLE, id="evt_change", timestamp=AT, event="api_key.updated")]


def _charts() -> list[Chart]:
    """Return each chart, full and empty."""
    period, month = period_until(AT, "hour", 24), month_of(AT)
    times = period.times

    def frame(name: str) -> Frame:
        return Frame(id=name.lower().replace(" ", "-"), heading=name, data_until=AT)

    outcomes = [Outcomes(time, 900 + 40 * place, 30, 12 * (place % 5)) for place, time in enumerate(times)]
    reasons = [
        Refusals(time, {f"Reason {each}": each + place for each in range(8)}) for place, time in enumerate(times)
    ]
    calls = [Calls(time, ended=place % 7 * 10, failed=place % 3) for place, time in enumerate(times)]
    latencies = [Latencies(time, place % 4, 8.2, 130, 4_100) for place, time in enumerate(times)]
    return [
        requests_chart(frame("Requests"), period, outcomes, [Alert(times[-4], "Burst of refusals", "/alerts")]),
        requests_chart(frame("No requests"), period, []),
        refusals_chart(frame("Refusals"), period, reasons),
        refusals_chart(frame("No refusals"), period, []),
        error_rate_chart(frame("Error rate"), period, calls),
        error_rate_chart(frame("No error rate"), period, []),
        latency_chart(frame("Latency"), period, latencies),
        latency_chart(frame("No latency"), period, []),
        month_chart(frame("Month"), month, [Requests(time, 40_000) for time in month.times], limit=1_000_000),
        month_chart(frame("Empty month"), month, []),
    ]
