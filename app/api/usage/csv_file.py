"""Usage reports as CSV: a row for each hour or day, which start at an instant of the report's time zone."""

from datetime import tzinfo

from msgspec import UNSET

from app.api.usage.period import KeyQuery, OrganizationQuery, zone_of
from app.api.usage.schemas import DayUsage, HourUsage, KeyReport, OrganizationReport
from app.handlers import HttpResponse, Success, success
from app.http.csv_rows import EXCEL_MARK, csv_rows
from infrastructure.days import midnight

CSV = "text/csv; charset=utf-8"
CSV_HEADERS = {"Content-Disposition": "The name of the file. Only with CSV."}

_COUNTS = ("requests", "errors", "denied")
_CALLS = ("calls", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms")
_DENIED = "denied_"

Report = KeyReport | OrganizationReport


def usage_response(report: Report, query: KeyQuery | OrganizationQuery) -> Success[Report] | HttpResponse:
    """Return the report in the requested format."""
    if query.format == "json":
        return success(report)
    parts = (report.by_hour or []) if query.bucket == "hour" else report.by_day
    name = f"usage-{report.start_date}-{report.end_date}.csv"
    return HttpResponse(
        (EXCEL_MARK if query.format == "excel" else b"") + _csv(parts, zone_of(report.time_zone)),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(parts: list[DayUsage] | list[HourUsage], zone: tzinfo) -> bytes:
    """Return the rows. With details, each reason of refusals in the period has a column."""
    reasons = sorted({denied.reason for part in parts for denied in part.denied_by_reason or ()})
    has_calls = any(part.calls is not UNSET for part in parts)
    details = (*(_CALLS if has_calls else ()), *(_DENIED + reason for reason in reasons))
    return csv_rows(
        [
            ("start", *_COUNTS, *details),
            *[
                (
                    _start(part, zone),
                    *(part.requests, part.errors, part.denied),
                    *(_call_cells(part) if has_calls else ()),
                    *_refusal_cells(part, reasons),
                )
                for part in parts
            ],
        ]
    )


def _start(part: DayUsage | HourUsage, zone: tzinfo) -> str:
    at = part.hour.astimezone(zone) if isinstance(part, HourUsage) else midnight(part.date, zone)
    return at.isoformat().replace("+00:00", "Z")


def _call_cells(part: DayUsage | HourUsage) -> tuple[object, ...]:
    """Return empty cells for latencies that are unknown."""
    latencies = (None,) * 3
    if part.latency_ms is not UNSET:
        latencies = (part.latency_ms.p50, part.latency_ms.p95, part.latency_ms.p99)
    return (part.calls or 0, *latencies)


def _refusal_cells(part: DayUsage | HourUsage, reasons: list[str]) -> tuple[object, ...]:
    denied = {each.reason: each.denied for each in part.denied_by_reason or ()}
    return tuple([denied.get(reason, 0) for reason in reasons])
