"""The calls of `client.usage` and `client.keys.get_usage`. Counts lag behind the log by seconds."""

from datetime import date
from typing import Literal, TypeAlias
from urllib.parse import quote

from keyledger.call import Call, data_of, page_of, query_of
from keyledger.models.page import Page
from keyledger.models.usage import HistoryDay, KeyReport, OrganizationReport

Period: TypeAlias = Literal["day", "week", "month"]
Bucket: TypeAlias = Literal["hour", "day"]

_key = data_of(KeyReport)
_organization = data_of(OrganizationReport)
_days = page_of(HistoryDay)


def get_key_usage(
    key_id: str,
    *,
    period: Period | None = None,
    days: int | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
    bucket: Bucket | None = None,
    time_zone: str | None = None,
) -> Call[KeyReport]:
    """Report the usage of a key today, this week, this month (default), in the last `days`, or between two days.

    Both dates are inclusive.

    `bucket` adds refusals by reason, ended calls and latencies by day; "hour" adds refusals and calls also by hour.
    `time_zone`: of the days, by its IANA name such as "Europe/Berlin"; by default "UTC".
    """
    query = query_of(
        period=period, days=days, start_date=start_date, end_date=end_date, bucket=bucket, time_zone=time_zone
    )
    return Call("GET", f"/v1/api-keys/{quote(key_id, safe='')}/usage", _key, query)


def get_usage(
    *,
    period: Period | None = None,
    days: int | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
    bucket: Bucket | None = None,
    mcp_id: str | None = None,
    keys: int | None = None,
    time_zone: str | None = None,
) -> Call[OrganizationReport]:
    """Report the usage of all keys of the organization, for the same periods as for one key.

    `bucket` adds refusals by reason, and for up to 31 days ended calls and latencies, by hour or by day. `mcp_id`
    selects one MCP server. `keys` is the number of most used keys to list, by default 100. `time_zone` is as for a key.
    """
    query = query_of(
        period=period,
        days=days,
        start_date=start_date,
        end_date=end_date,
        bucket=bucket,
        mcp_id=mcp_id,
        keys=keys,
        time_zone=time_zone,
    )
    return Call("GET", "/v1/usage", _organization, query)


def list_usage_history(
    *,
    start_date: date | None = None,
    end_date: date | None = None,
    page: int | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[HistoryDay]]:
    """List the UTC days with usage in the organization, newest first."""
    query = query_of(start_date=start_date, end_date=end_date, page=page, cursor=cursor, per_page=per_page)
    return Call("GET", "/v1/usage/history", _days, query)
