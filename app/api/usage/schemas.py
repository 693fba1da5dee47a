"""JSON form of usage reports."""

from collections.abc import Sequence
from typing import Any

from app.api.usage.period import ReportPeriod
from projections.read_models.usage.reports import Moment, Named, Outcomes, Report


def key_usage_shape(key_id: str, period: ReportPeriod, report: Report) -> dict[str, Any]:
    """Return the report on a key. `by_hour` is included for a single day."""
    shape: dict[str, Any] = {
        "key_id": key_id,
        **_period_shape(period),
        "total_requests": report.total.requests,
        "by_mcp": _mcps_shape(report.mcps),
        "by_tool": [{"mcp_id": tool.mcp_id, "tool": tool.name, "requests": tool.requests} for tool in report.tools],
        "by_day": _days_shape(report.days),
        "by_status": _status_shape(report.total),
        "latency_ms": report.latency_ms._asdict(),
    }
    if report.hours:
        shape["by_hour"] = [
            {"hour": moment.at, "requests": moment.outcomes.requests, "errors": moment.outcomes.failed}
            for moment in report.hours
        ]
    return shape


def organization_usage_shape(period: ReportPeriod, report: Report, limit: int | None) -> dict[str, Any]:
    """Return the report on an organization. `limit`: billed requests per month; None for an unlimited plan."""
    billed = report.total.billed
    return {
        **_period_shape(period),
        "requests": {
            "total": report.total.requests,
            "billed": billed,
            "limit": limit,
            "percentage": None if limit is None else round(100 * billed / max(limit, 1), 2),
        },
        "by_mcp": _mcps_shape(report.mcps),
        "by_key": [{"key_id": key.id, "name": key.name, "requests": key.requests} for key in report.keys],
        "by_day": _days_shape(report.days),
        "by_status": _status_shape(report.total),
    }


def day_shape(moment: Moment) -> dict[str, Any]:
    """Return one day of the history."""
    return {
        "date": moment.at,
        "requests": moment.outcomes.requests,
        "errors": moment.outcomes.failed,
        "denied": moment.outcomes.denied,
        "billed": moment.outcomes.billed,
    }


def _period_shape(period: ReportPeriod) -> dict[str, Any]:
    return {"period": period.period, "start_date": period.span.since, "end_date": period.span.until}


def _mcps_shape(mcps: Sequence[Named]) -> list[dict[str, Any]]:
    return [{"mcp_id": mcp.id, "name": mcp.name, "requests": mcp.requests} for mcp in mcps]


def _days_shape(days: Sequence[Moment]) -> list[dict[str, Any]]:
    return [
        {"date": moment.at, "requests": moment.outcomes.requests, "errors": moment.outcomes.failed} for moment in days
    ]


def _status_shape(total: Outcomes) -> dict[str, int]:
    return {"success": total.succeeded, "error": total.failed, "denied": total.denied}
