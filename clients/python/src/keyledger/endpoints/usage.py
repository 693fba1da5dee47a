"""The calls of `client.usage`, and of `client.keys.usage`. Counts follow the log within seconds."""

from datetime import date
from typing import Literal, TypeAlias
from urllib.parse import quote

from keyledger.call import Call, data_of, page_of, query_of
from keyledger.models.page import Page
from keyledger.models.usage import HistoryDay, KeyReport, OrganizationReport

Period: TypeAlias = Literal["day", "week", "month"]

_key = data_of(KeyReport)
_organization = data_of(OrganizationReport)
_days = page_of(HistoryDay)


def of_key(
    key_id: str, *, period: Period | None = None, start_date: date | None = None, end_date: date | None = None
) -> Call[KeyReport]:
    """What a key was used for today, this week, this month (if nothing is said) or between two days, both included."""
    query = query_of(period=period, start_date=start_date, end_date=end_date)
    return Call("GET", f"/v1/api-keys/{quote(key_id, safe='')}/usage", _key, query)


def report(
    *, period: Period | None = None, start_date: date | None = None, end_date: date | None = None
) -> Call[OrganizationReport]:
    """What all keys of the organization were used for; the days as for one key."""
    query = query_of(period=period, start_date=start_date, end_date=end_date)
    return Call("GET", "/v1/usage", _organization, query)


def history(
    *,
    start_date: date | None = None,
    end_date: date | None = None,
    page: int | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[HistoryDay]]:
    """The days on which the organization used anything, newest first."""
    query = query_of(start_date=start_date, end_date=end_date, page=page, cursor=cursor, per_page=per_page)
    return Call("GET", "/v1/usage/history", _days, query)
