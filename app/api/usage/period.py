"""The period of a usage report: a named period up to today, a number of days, or dates, in any time zone."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Meta, Struct

from app.http.errors import Problem, invalid
from projections.read_models.usage.report import LISTED_MAX
from projections.read_models.usage.span import Span

DAYS_MAX = 366
DETAILED_DAYS_MAX = 31
"""The maximum number of days of an organization's report with ended calls and latencies, which are read by the hour."""
HOURS_DAYS_MAX = 8
"""The longest report of a key that has hours unless `bucket` says so: a week, and the day on which it began."""
ZONE_NAME_LENGTH_MAX = 64

Period = Literal["day", "week", "month"]
Bucket = Literal["hour", "day"]
Format = Annotated[
    Literal["json", "csv", "excel"],
    Meta(
        description="CSV (RFC 4180) has one row for each hour with `bucket=hour`, otherwise for each day. `excel` is "
        "CSV with a byte order mark, without which Excel does not read it as UTF-8."
    ),
]
StartDate = Annotated[date, Meta(description="The first day, inclusive.")]
EndDate = Annotated[date, Meta(description="The last day, inclusive. Default: today.")]
TimeZone = Annotated[
    str,
    Meta(
        max_length=ZONE_NAME_LENGTH_MAX,
        description="The time zone of the days, by its name in the IANA database, such as `Europe/Berlin`. Uses are "
        "counted by hours of UTC, and an hour belongs to the day in which it starts: in a zone such as `Asia/Kolkata`, "
        "days begin with the next hour of UTC.",
    ),
]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """`period` is today, this week from Monday (ISO 8601) or this month. Dates include both ends."""

    period: (
        Annotated[Period, Meta(description="Today, this week or this month. Default without days and dates: month.")]
        | None
    ) = None
    days: (
        Annotated[int, Meta(ge=1, le=DAYS_MAX, description="The number of days, up to and including today.")] | None
    ) = None
    start_date: StartDate | None = None
    end_date: EndDate | None = None
    time_zone: TimeZone = "UTC"


class KeyQuery(Query, frozen=True, forbid_unknown_fields=True):
    """`bucket` adds details by hour or by day."""

    bucket: (
        Annotated[
            Bucket,
            Meta(
                description="Add refusals by reason, ended calls and latencies by day. With `hour`, refusals and ended "
                "calls are also added by hour. Latencies are counted by UTC day."
            ),
        ]
        | None
    ) = None
    format: Format = "json"


class OrganizationQuery(Query, frozen=True, forbid_unknown_fields=True):
    """`bucket` adds details by hour or by day."""

    bucket: (
        Annotated[
            Bucket,
            Meta(
                description="Add refusals by reason, ended calls and latencies, in total and by hour or by day. "
                f"A period of more than {DETAILED_DAYS_MAX} days has refusals by reason only."
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


def has_latencies(span: Span) -> bool:
    """Return whether a report with details has ended calls and latencies, and not only refusals by reason."""
    return len(span.days) <= DETAILED_DAYS_MAX


def parse_period(query: Query, at: datetime) -> ReportPeriod:
    """Return the requested period, by default this month. Raise 422 unless it has 1 to `DAYS_MAX` days."""
    zone = zone_of(query.time_zone)
    today = at.astimezone(zone).date()
    has_dates = query.start_date is not None or query.end_date is not None
    if query.days is not None:
        if query.period is not None or has_dates:
            raise _invalid("days", "Send days, a period or dates")
        return ReportPeriod("custom", Span(today - timedelta(days=query.days - 1), today, zone))
    if has_dates:
        if query.period is not None:
            raise _invalid("period", "Send either period or dates, not both")
        return ReportPeriod("custom", Span(*_dates(query, today), zone))
    period = query.period or "month"
    return ReportPeriod(period, Span(_first_day(period, today), today, zone))


def _dates(query: Query, today: date) -> tuple[date, date]:
    """Return the first and the last day."""
    if query.start_date is None:
        raise _invalid("start_date", "Required with end_date")
    last = query.end_date or today
    if last < query.start_date:
        if query.end_date is None:
            raise _invalid("start_date", f"Must not be after today ({query.time_zone}), unless end_date is sent")
        raise _invalid("end_date", "Must not be before start_date")
    if last.year == date.max.year:
        raise _invalid("end_date", f"Must be before {date.max.year}")
    if (last - query.start_date).days >= DAYS_MAX:
        raise _invalid("start_date", f"Must be at most {DAYS_MAX} days, end_date included, before end_date")
    if query.start_date == date.min and query.time_zone != "UTC":
        raise _invalid("start_date", f"Must be after {date.min} in another time zone than UTC")
    return query.start_date, last


def zone_of(name: str) -> tzinfo:
    """Return the time zone. Raise 422 if there is none of this name."""
    if name == "UTC":
        return UTC
    if name not in _zone_names():
        raise _invalid("time_zone", "Must be the name of a zone of the IANA database, such as Europe/Berlin")
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    """Return the names that can be requested. `ZoneInfo` itself also reads other files below its folder."""
    return frozenset(available_timezones())


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
