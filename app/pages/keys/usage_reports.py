"""Reports of the usage of one key for charts: the periods, and the outcomes of their hours and days."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import NamedTuple

from app.api.usage.schemas import KeyReport
from app.pages.charts.bars import Outcomes
from app.pages.charts.period import Period, Unit, period_until

_HOURS_A_DAY = 24


class ReportedPeriod(NamedTuple):
    """A period that a page offers. `days` is its value in the address."""

    days: int
    title: str
    unit: Unit
    length: int

    def query(self, at: datetime) -> Mapping[str, object]:
        """Return the parameters of the report that contains the period."""
        return {"start_date": self.period(at).start.date()}

    def period(self, at: datetime) -> Period:
        """Return the hours or days until `at`."""
        return period_until(at, self.unit, self.length)


LAST_DAY = ReportedPeriod(1, "24 hours", "hour", _HOURS_A_DAY)
PERIODS = (
    LAST_DAY,
    ReportedPeriod(7, "7 days", "hour", 7 * _HOURS_A_DAY),
    ReportedPeriod(30, "30 days", "day", 30),
    ReportedPeriod(90, "90 days", "day", 90),
)


def outcomes_of(report: KeyReport, period: ReportedPeriod) -> list[Outcomes]:
    """Return the outcomes of each hour or day of the report. A chart ignores those outside its period."""
    if period.unit == "hour":
        rows = [(each.hour, each.requests, each.errors, each.denied) for each in report.by_hour or []]
    else:
        rows = [
            (datetime.combine(each.date, time(), UTC), each.requests, each.errors, each.denied)
            for each in report.by_day
        ]
    # An error can be counted a moment before its request.
    return [Outcomes(at, max(requests - errors, 0), errors, denied) for at, requests, errors, denied in rows]


def within(outcomes: list[Outcomes], period: Period) -> list[Outcomes]:
    """Return the outcomes that belong to the period."""
    return [each for each in outcomes if period.start <= each.time < period.end]


def percent(part: int, whole: int) -> str:
    """Return a share as text: "0%", "0.4%". Empty if there is no whole."""
    if not whole:
        return ""
    share = 100 * part / whole
    digits = 0 if share in {0, 100} else 1
    return f"{share:.{digits}f}%"
