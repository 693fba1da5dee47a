"""The month so far: billed requests against the limit of the plan, on the pages of usage and of settings."""

from collections.abc import Sequence

from app.api.usage.history import HistoryDay, list_usage_history
from app.pages.charts.chart import Chart, Frame
from app.pages.charts.month import Month, Requests, month_chart
from app.pages.visit import Visit
from infrastructure.days import midnight

_DAYS_MAX = 31


async def billed_requests(visit: Visit, month: Month) -> list[Requests]:
    """Return the requests of each day that count towards the plan."""
    query = {"start_date": month.start.date(), "per_page": _DAYS_MAX}
    days = await visit.read_list(list_usage_history, HistoryDay, query)
    return [Requests(midnight(day.date), day.billed) for day in days.data]


def plan_chart(month: Month, billed: Sequence[Requests], limit: int | None) -> Chart:
    """Return the chart of `billed_requests` and the `limit` of the plan, per month."""
    return month_chart(Frame(id="month", heading="This month, live requests"), month, billed, limit)
