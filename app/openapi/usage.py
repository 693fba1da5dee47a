"""OpenAPI operations on usage."""

from typing import Any

from app.api.api_keys.usage import key_usage
from app.api.usage import history, period
from app.api.usage.current import usage_summary
from app.api.usage.organization import organization_usage
from app.openapi import examples
from app.openapi.operation import Answer, Operation, routed
from app.openapi.shapes import usage

_TAG = "Usage"
_COUNTS = (
    "Requests are accepted verifications, checks and calls. Each is counted within two seconds. Days are UTC days, "
    "and weeks start on Monday (ISO 8601). A call counts on the day on which it started."
)
_DATES = {
    "start_date": {"description": "The first day, inclusive (UTC)."},
    "end_date": {"description": "The last day, inclusive (UTC). Default: today."},
}
_PERIOD = {
    "period": {"description": "Today, this week or this month. Default without dates: this month."},
    **_DATES,
}
_DAY = {"date": "2026-05-01", "requests": 12, "errors": 1}
_SPAN = {"period": "day", "start_date": "2026-05-01", "end_date": "2026-05-01"}
_BY_MCP = [{"mcp_id": examples.MCP_ID, "name": "Wiki", "requests": 12}]
_BY_STATUS = {"success": 11, "error": 1, "denied": 2}
_ORGANIZATION_REPORT: dict[str, Any] = {
    **_SPAN,
    "requests": {"total": 12, "billed": 12, "limit": 50_000, "percentage": 0.02},
    "by_mcp": _BY_MCP,
    "by_key": [{"key_id": examples.KEY_ID, "name": "My agent", "requests": 12}],
    "by_day": [_DAY],
    "by_status": _BY_STATUS,
}

OPERATIONS: list[Operation] = [
    routed(
        key_usage,
        tag=_TAG,
        summary="Get the usage of a key",
        description=_COUNTS,
        query=period.Query,
        query_fields=_PERIOD,
        answer=Answer(
            usage.KeyReport,
            {
                "key_id": examples.KEY_ID,
                **_SPAN,
                "total_requests": 12,
                "by_mcp": _BY_MCP,
                "by_tool": [{"mcp_id": examples.MCP_ID, "tool": "get_page", "requests": 12}],
                "by_day": [_DAY],
                "by_hour": [{"hour": examples.LATER, "requests": 12, "errors": 1}],
                "by_status": _BY_STATUS,
                "latency_ms": {"p50": 42, "p95": 118, "p99": 230},
            },
        ),
    ),
    routed(
        usage_summary,
        tag=_TAG,
        summary="Get the usage of the organization",
        description=f"The response includes the limit of the plan. {_COUNTS}",
        query=period.Query,
        query_fields=_PERIOD,
        answer=Answer(usage.OrganizationReport, _ORGANIZATION_REPORT),
    ),
    routed(
        organization_usage,
        tag=_TAG,
        summary="Get the usage of the organization (alias)",
        description="The same as `GET /v1/usage`.",
        query=period.Query,
        query_fields=_PERIOD,
        answer=Answer(usage.OrganizationReport, _ORGANIZATION_REPORT),
    ),
    routed(
        history.usage_history,
        tag=_TAG,
        summary="List the days with usage",
        description="Newest first. Days without usage are left out.",
        query=history.Query,
        query_fields=_DATES,
        answer=Answer(usage.HistoryDay, {**_DAY, "denied": 2, "billed": 11}, paging="pages"),
    ),
]
