"""The period of a usage report: a named period up to today, a number of days, or dates. All days are UTC days."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from app.http.errors import Problem, invalid
from projections.read_models.usage.reports import HOURS_DAYS_MAX, LISTED_MAX, Span

DAYS_MAX = 366
DETAILED_DAYS_MAX = 31
"""The maximum number of days of a report with refusals by reason, ended calls and latencies, read hour by hour."""

Period = Literal["day", "week", "month"]
Bucket = Literal["hour", "day"]
Format = Annotated[
    Literal["json", "csv", "excel"],
    Meta(
        description="CSV (RFC 4180) has one row for each hour with `bucket=hour`, otherwise for each day. `excel` is "
        "CSV with a byte order mark, without which Excel does not read it as UTF-8."
    ),
]
StartDate = Annotated[date, Meta(description="The first day, inclusive (UTC).")]
EndDate = Annotated[date, Meta(description="The last day, inclusive (UTC). Default: today.")]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """`period` is today, this week from Monday (ISO 8601) or this month. Dates include both ends."""

    period: (
        Annotated[Period, Meta(description="Today, this week or this month. Default without dates: this month.")] | None
    ) = None
    start_date: StartDate | None = None
    end_date: EndDate | None = None


class KeyQuery(Query, frozen=True, forbid_unknown_fields=True):
    """`bucket` adds details by hour or by day."""

    bucket: (
        Annotated[
            Bucket,
            Meta(
                description="Add refusals by reason, ended calls and latencies by day. With `hour`, refusals and ended "
                f"calls are also added by hour; the period can then have at most {HOURS_DAYS_MAX} days."
            ),
        ]
        | None
    ) = None
    format: Format = "json"


class OrganizationQuery(Query, frozen=True, forbid_unknown_fields=True):
    """A period can also be a number of `days`. `bucket` adds details by hour or by day."""

    days: (
        Annotated[int, Meta(ge=1, le=DAYS_MAX, description="The number of days, up to and including today.")] | None
    ) = None
    bucket: (
        Annotated[
            Bucket,
            Meta(
                description="Add refusals by reason, ended calls and latencies, in total and by hour or by day. "
                f"The period can then have at most {DETAILED_DAYS_MAX} days. With `day` and without `mcp_id`, a longer "
                "one has refusals by reason only."
            ),
        ]
        | None
    ) = None
    mcp_id: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="Only uses of this MCP server. A use that was refused before the server was looked up "
                "belongs to none.",
            ),
        ]
        | None
    ) = None
    keys: Annotated[int, Meta(ge=0, le=LISTED_MAX, description="The number of most used keys to list.")] = LISTED_MAX
    format: Format = "json"


class ReportPeriod(NamedTuple):
    """The days of a report. `period` is "custom" if the request gives dates or days."""

    period: Period | Literal["custom"]
    span: Span

    @property
    def has_latencies(self) -> bool:
        """Return whether a report with details has ended calls and latencies, and not only refusals by reason."""
        return len(self.span.days) <= DETAILED_DAYS_MAX


def parse_period(query: Query, at: datetime) -> ReportPeriod:
    """Return the requested period, by default this month. Raise 422 unless it has 1 to `DAYS_MAX` days."""
    today = at.astimezone(UTC).date()
    if query.start_date is None and query.end_date is None:
        period = query.period or "month"
        return ReportPeriod(period, Span(_first_day(period, today), today))
    if query.period is not None:
        raise _invalid("period", "Send either period or dates, not both")
    if query.start_date is None:
        raise _invalid("start_date", "Required with end_date")
    last = query.end_date or today
    if last < query.start_date:
        if query.end_date is None:
            raise _invalid("start_date", "Must not be after today (UTC), unless end_date is sent")
        raise _invalid("end_date", "Must not be before start_date")
    if last.year == date.max.year:
        raise _invalid("end_date", f"Must be before {date.max.year}")
    if (last - query.start_date).days >= DAYS_MAX:
        raise _invalid("start_date", f"Must be at most {DAYS_MAX} days, end_date included, before end_date")
    return ReportPeriod("custom", Span(query.start_date, last))


def parse_key_period(query: KeyQuery, at: datetime) -> ReportPeriod:
    """Return the requested period as `parse_period` does. Raise 422 if it is too long for hours."""
    period = parse_period(query, at)
    if query.bucket == "hour" and len(period.span.days) > HOURS_DAYS_MAX:
        raise _invalid("bucket", f"Hours require a period of at most {HOURS_DAYS_MAX} days")
    return period


def parse_organization_period(query: OrganizationQuery, at: datetime) -> ReportPeriod:
    """Return the requested period as `parse_period` does. Raise 422 if it is too long for the details."""
    if query.days is None:
        period = parse_period(query, at)
    elif query.period is not None or query.start_date is not None or query.end_date is not None:
        raise _invalid("days", "Send days, a period or dates")
    else:
        today = at.astimezone(UTC).date()
        period = ReportPeriod("custom", Span(today - timedelta(days=query.days - 1), today))
    has_refusals = query.bucket == "day" and query.mcp_id is None
    if query.bucket is not None and not period.has_latencies and not has_refusals:
        raise _invalid("bucket", f"Requires a period of at most {DETAILED_DAYS_MAX} days")
    return period


def _first_day(period: Period, today: date) -> date:
    match period:
        case "day":
            return today
        case "week":
            return today - timedelta(days=today.weekday())
        case "month":
            return today.replace(day=1)


def _invalid(name: str, problem: str) -> Problem:
    return invalid({name: problem})
