"""Charts of random data, and what their template makes of them."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.pages.charts.bars import Alert, Outcomes, Refusals, refusals_chart, requests_chart
from app.pages.charts.chart import Chart, Frame
from app.pages.charts.error_rate import Calls, error_rate_chart
from app.pages.charts.latency import Latencies, latency_chart
from app.pages.charts.month import Requests, month_chart, month_of
from app.pages.charts.period import Period, Unit, period_until
from app.pages.charts.sparkline import Sparkline

PAGES = Path(__file__).parents[4] / "app/pages"
NOW = datetime(2026, 11, 29, 21, 39, 1, tzinfo=UTC)
FRAME = Frame(id="requests", heading="Requests")
PERIODS: tuple[tuple[Unit, int], ...] = (("hour", 24), ("hour", 168), ("day", 30), ("day", 90))
"""The periods that pages offer."""

_templates = Environment(
    loader=FileSystemLoader(PAGES / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

counts = st.integers(0, 10**10)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zone given


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """Draw a period until any moment, as pages offer it or of another length."""
    others: tuple[tuple[Unit, int], ...] = (("hour", 1), ("day", 1), ("day", 7), ("hour", 48))
    unit, count = draw(st.sampled_from(PERIODS + others))
    return period_until(draw(moments), unit, count)


@st.composite
def outcomes(draw: st.DrawFn, period: Period) -> list[Outcomes]:
    """Draw the requests of some hours or days of the period."""
    times = draw(st.lists(st.sampled_from(period.times), unique=True))
    return [Outcomes(time, draw(counts), draw(counts), draw(counts)) for time in times]


def render(chart: Chart) -> str:
    return _templates.from_string('{% import "parts/chart.html" as parts %}{{ parts.chart(chart) }}').render(
        chart=chart
    )


def render_sparkline(sparkline: Sparkline) -> str:
    return _templates.from_string(
        '{% import "parts/chart.html" as parts %}{{ parts.sparkline(sparkline) }}',
    ).render(sparkline=sparkline)


def parse(html: str) -> ET.Element:
    """Return the tree of a rendered part, which is also well-formed XML."""
    return ET.fromstring(html)  # noqa: S314 -- rendered by this test


def texts(element: ET.Element, tag: str) -> list[str]:
    return ["".join(found.itertext()).strip() for found in element.iter(tag)]


def points(path: str) -> list[list[tuple[float, float]]]:
    """Return the points of each line in path data that has only M, L and closing or empty segments."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", part)]
        for part in path.split("M")
        if part
    ]


_BAR = re.compile(
    r"m(?P<x>-?[\d.]+) (?P<y>-?[\d.]+)v-(?P<side>[\d.]+)(?:q0-(?P<radius>[\d.]+) \S+)?h(?P<top>[\d.]+)[^m]*v[\d.]+"
)


def drawn_bars(path: str) -> list[tuple[float, float, float, float]]:
    """Return the left side, the bottom, the width and the height of each bar in path data."""
    found: list[tuple[float, float, float, float]] = []
    x = y = 0.0
    for bar in _BAR.finditer(path):
        given = {name: float(value or 0) for name, value in bar.groupdict().items()}
        x, y, radius = x + given["x"], y + given["y"], given["radius"]
        width = given["top"] + 2 * radius
        found.append((x, y, width, given["side"] + radius))
        x += width
    assert "".join(bar[0] for bar in _BAR.finditer(path)) == path
    return found


def every_kind(period: Period | None = None) -> list[Chart]:
    """Return a chart of each kind, full and empty, with long labels, large numbers and gaps."""
    period = period or period_until(NOW, "hour", 24)
    times = period.times
    calls = [Calls(time, ended=index % 7 * 10, failed=index % 3) for index, time in enumerate(times)]
    latencies = [Latencies(time, index % 4, 8.2, 130, 4_100) for index, time in enumerate(times)]
    reasons = [Refusals(time, {f"Reason {place} <of> many": place + index for place in range(8)})
               for index, time in enumerate(times)]  # fmt: skip
    full = [Outcomes(time, 10**9 * (index + 1), 10**8, 10**7) for index, time in enumerate(times)]
    month = month_of(NOW)
    days = [Requests(time, 40_000) for time in month.times]
    alerts = [Alert(times[-1], 'Burst of <refusals> & "more"', "/alerts/alt_1?a=1&b=2")]

    def frame(number: int) -> Frame:
        return Frame(id=f"chart-{number}", heading=f"Chart {number}", csv_url="/usage.csv?a=1&b=2", data_until=NOW)

    return [
        requests_chart(frame(1), period, full, alerts),
        requests_chart(frame(2), period, []),
        refusals_chart(frame(3), period, reasons),
        refusals_chart(frame(4), period, []),
        error_rate_chart(frame(5), period, calls),
        error_rate_chart(frame(6), period, []),
        latency_chart(frame(7), period, latencies),
        latency_chart(frame(8), period, []),
        month_chart(frame(9), month, days, limit=1_000_000),
        month_chart(frame(10), month, []),
    ]


def bar_heights_of_sparkline(path: str) -> list[float]:
    return [float(height) for height in re.findall(r"v-([\d.]+)", path)]
