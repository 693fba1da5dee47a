"""Usage reports in charts: the periods that pages offer, and what happened in their hours and days."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from msgspec import Struct

from app.api.usage.period import DETAILED_DAYS_MAX
from app.api.usage.schemas import DayUsage, HourUsage, KeyReport, OrganizationReport
from app.http.errors import invalid
from app.pages.charts.bars import Outcomes, Refusals
from app.pages.charts.chart import Frame
from app.pages.charts.error_rate import Calls
from app.pages.charts.latency import Latencies
from app.pages.charts.period import Period, Unit, period_until
from app.pages.charts.wording import percent
from app.pages.parts.activity_table import reason_text
from infrastructure.days import midnight

_HOURS_A_DAY = 24

_LATE = timedelta(seconds=10)
"""A chart says how far its data reaches if that is longer ago. Uses are counted within two seconds."""

Report = KeyReport | OrganizationReport
_Part = HourUsage | DayUsage


class ReportedPeriod(Struct, frozen=True):
    """A period that a page offers. `days` is its value in the address."""

    days: int
    title: str
    unit: Unit
    count: int

    @property
    def is_detailed(self) -> bool:
        """Return whether the report of an organization has latencies, and one of its MCP servers any details."""
        return self.days <= DETAILED_DAYS_MAX

    def query(self, at: datetime) -> Mapping[str, object]:
        """Return the parameters of the report that contains the period."""
        return {"start_date": self.period(at).start.date()}

    def detailed_query(self, at: datetime) -> Mapping[str, object]:
        """Return the parameters of the report that contains the period, with details by its hours or days."""
        return {**self.query(at), "bucket": self.unit}

    def period(self, at: datetime) -> Period:
        """Return the hours or days until `at`."""
        return period_until(at, self.unit, self.count)


LAST_DAY = ReportedPeriod(1, "24 hours", "hour", _HOURS_A_DAY)
PERIODS = (
    LAST_DAY,
    ReportedPeriod(7, "7 days", "hour", 7 * _HOURS_A_DAY),
    ReportedPeriod(30, "30 days", "day", 30),
    ReportedPeriod(90, "90 days", "day", 90),
)


def reported_period(days: int, offered: Sequence[ReportedPeriod] = PERIODS) -> ReportedPeriod:
    """Return the offered period of this length. Raise 422 if there is none."""
    for period in offered:
        if period.days == days:
            return period
    *others, last = [str(period.days) for period in offered]
    raise invalid(days=f"Must be {', '.join(others)} or {last}")


def period_links(
    path: str, chosen: ReportedPeriod, offered: Sequence[ReportedPeriod] = PERIODS, *, section: str = ""
) -> list[tuple[str, str, bool]]:
    """Return the title of each period, the address of the page `path` about it, and whether it is the chosen one."""
    fragment = f"#{section}" if section else ""
    return [(period.title, f"{path}?days={period.days}{fragment}", period == chosen) for period in offered]


class Share(Struct, frozen=True):
    """A row of a table: a part of all requests or refusals, the page behind it, and the server of a tool."""

    name: str
    count: int
    share: str
    link: str = ""
    server: str = ""


class Totals(NamedTuple):
    """The sums of a period. `accepted` includes errors. The shares are texts, empty if there is no whole."""

    accepted: int
    errors: int
    refused: int

    @property
    def error_share(self) -> str:
        return share(self.errors, self.accepted)

    @property
    def refused_share(self) -> str:
        return share(self.refused, self.accepted + self.refused)


def frame_of(title: str, name: str, report: Report, at: datetime, path: str, query: Mapping[str, object]) -> Frame:
    """Return the frame of a chart of `report`, which the route `path` returns for `query`, also as CSV."""
    given = {key: value for key, value in query.items() if value is not None}
    return Frame(
        id=name,
        heading=title,
        csv_url=f"{path}?{urlencode({**given, 'format': 'csv'})}",
        data_until=report.counted_until if at - report.counted_until > _LATE else None,
    )


def outcomes_of(report: Report, period: Period) -> list[Outcomes]:
    """Return the outcomes of each hour or day of the period."""
    # An error can be counted a moment before its request.
    return [
        Outcomes(at, max(each.requests - each.errors, 0), each.errors, each.denied)
        for at, each in _parts(report, period)
    ]


def refusals_of(report: Report, period: Period) -> list[Refusals]:
    """Return the refusals of each hour or day of the period, by the words for their reason."""
    return [
        Refusals(at, {reason_text(denied.reason): denied.denied for denied in each.denied_by_reason or ()})
        for at, each in _parts(report, period)
    ]


def calls_of(report: Report, period: Period) -> list[Calls]:
    """Return the ended calls of each hour or day of the period."""
    return [Calls(at, each.calls or 0, each.errors) for at, each in _parts(report, period)]


def latencies_of(report: Report, period: Period) -> list[Latencies]:
    """Return the latencies of each hour or day of the period, without those that have none."""
    found: list[Latencies] = []
    for at, each in _parts(report, period):
        latency = each.latency_ms or None
        if latency and latency.p50 is not None and latency.p95 is not None and latency.p99 is not None:
            found.append(Latencies(at, each.calls or 0, latency.p50, latency.p95, latency.p99))
    return found


def _parts(report: Report, period: Period) -> list[tuple[datetime, _Part]]:
    """Return the hours or days of the report that belong to the period."""
    entries: list[tuple[datetime, _Part]] = (
        [(hour.hour, hour) for hour in report.by_hour or ()]
        if period.unit == "hour"
        else [(midnight(day.date), day) for day in report.by_day]
    )
    return [(at, each) for at, each in entries if period.start <= at < period.end]


def totals_of(outcomes: Sequence[Outcomes]) -> Totals:
    errors = sum(each.errors for each in outcomes)
    accepted = sum(each.accepted for each in outcomes) + errors
    return Totals(accepted, errors, sum(each.refused for each in outcomes))


def share(part: int, whole: int) -> str:
    """Return a part as a percentage, or an empty text if there is no whole."""
    return percent(part / whole) if whole else ""
