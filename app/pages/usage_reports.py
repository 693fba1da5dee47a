"""Usage reports in charts: the periods that pages offer, and the outcomes of their hours and days."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from msgspec import Struct

from app.api.usage.period import DETAILED_DAYS_MAX
from app.api.usage.schemas import (
    DayUsage,
    HourUsage,
    KeyReport,
    OrganizationDayUsage,
    OrganizationHourUsage,
    OrganizationReport,
)
from app.http.errors import invalid
from app.pages.activity_table import reason_text
from app.pages.charts.bars import Outcomes, Refusals
from app.pages.charts.period import Period, Unit, period_until
from app.pages.charts.wording import percent

_HOURS_A_DAY = 24

_Counts = HourUsage | OrganizationHourUsage | DayUsage | OrganizationDayUsage


class ReportedPeriod(Struct, frozen=True):
    """A period that a page offers. `days` is its value in the address."""

    days: int
    title: str
    unit: Unit
    count: int

    @property
    def is_detailed(self) -> bool:
        """Return whether the report has refusals by reason and latencies."""
        return self.days <= DETAILED_DAYS_MAX

    def query(self, at: datetime) -> Mapping[str, object]:
        """Return the parameters of the report that contains the period."""
        return {"start_date": self.period(at).start.date()}

    def detailed_query(self, at: datetime) -> Mapping[str, object]:
        """Return the parameters of the organization's report, with refusals by reason and latencies if it has them."""
        return {**self.query(at), "bucket": self.unit if self.is_detailed else None}

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


def reported_period(days: int) -> ReportedPeriod:
    """Return the offered period of this length. Raise 422 if there is none."""
    for period in PERIODS:
        if period.days == days:
            return period
    raise invalid(days="Must be 1, 7, 30 or 90")


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


def outcomes_of(report: KeyReport | OrganizationReport, period: Period) -> list[Outcomes]:
    """Return the outcomes of each hour or day of the period."""
    entries: list[tuple[datetime, _Counts]] = (
        [(hour.hour, hour) for hour in report.by_hour or ()]
        if period.unit == "hour"
        else [(midnight(day.date), day) for day in report.by_day]
    )
    # An error can be counted a moment before its request.
    return [
        Outcomes(at, max(each.requests - each.errors, 0), each.errors, each.denied)
        for at, each in entries
        if period.start <= at < period.end
    ]


def refusals_of(report: OrganizationReport, period: Period) -> list[Refusals]:
    """Return the refusals of each hour or day of the period, by the words for their reason."""
    entries = (
        [(hour.hour, hour.denied_by_reason) for hour in report.by_hour or ()]
        if period.unit == "hour"
        else [(midnight(day.date), day.denied_by_reason) for day in report.by_day]
    )
    return [
        Refusals(at, {reason_text(each.reason): each.denied for each in denied or ()})
        for at, denied in entries
        if period.start <= at < period.end
    ]


def totals_of(outcomes: Sequence[Outcomes]) -> Totals:
    errors = sum(each.errors for each in outcomes)
    accepted = sum(each.accepted for each in outcomes) + errors
    return Totals(accepted, errors, sum(each.refused for each in outcomes))


def share(part: int, whole: int) -> str:
    """Return a part as a percentage, or an empty text if there is no whole."""
    return percent(part / whole) if whole else ""


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
