"""The most used keys of a period are found among the most used keys of each day."""

import random
from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from infrastructure.database.connections import Connection
from infrastructure.days import midnight
from projections.read_models.usage.organization_report import organization_report
from projections.read_models.usage.report import LISTED_MAX, Report
from projections.read_models.usage.span import Span

pytestmark = pytest.mark.anyio

DAY = date(2026, 3, 4)
KEYS = 3_000
DAYS = 7
WEEK = Span(DAY, DAY + timedelta(days=DAYS - 1))


def _key(number: int) -> str:
    return f"key_{number:026}"


async def _write(connection: Connection, requests: dict[tuple[int, int], int], organization_id: str = "org_a") -> None:
    """Write the requests by key and day."""
    rows = [(_key(key), DAY + timedelta(days=day), count) for (key, day), count in requests.items()]
    await connection.execute(
        b"insert into key_usage_days (key_id, organization_id, day, requests)"
        b" select key_id, %s, day, requests"
        b" from unnest(%s::text[], %s::date[], %s::bigint[]) as r (key_id, day, requests)",
        (organization_id, *map(list, zip(*rows, strict=True))),
    )


async def _report(connection: Connection, span: Span = WEEK) -> Report:
    return await organization_report(connection, "org_a", span, created_by=None)


def _most_used(requests: dict[tuple[int, int], int], days: int) -> list[tuple[str, int]]:
    totals: dict[str, int] = {}
    for (key, day), count in requests.items():
        if day < days:
            totals[_key(key)] = totals.get(_key(key), 0) + count
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:LISTED_MAX]


@pytest.mark.parametrize("days", [1, 2, DAYS])
async def test_the_most_used_keys_are_those_of_the_sum_over_all_keys(connection: Connection, days: int) -> None:
    dice = random.Random(4)  # noqa: S311
    requests = {
        (key, day): 1 + int(1_000_000 / (key + 50) * dice.uniform(0.5, 1.5))
        for key in range(KEYS)
        for day in range(DAYS)
        if dice.random() < 0.8
    }
    await _write(connection, requests)
    await _write(connection, {(key + KEYS, 0): 10**9 for key in range(3)}, "org_b")
    report = await _report(connection, Span(DAY, DAY + timedelta(days=days - 1)))
    assert report.keys is not None
    assert [(key.id, key.requests) for key in report.keys] == _most_used(requests, days)
    assert report.keys_exact


@pytest.mark.parametrize("days", [1, 2, DAYS - 1])
async def test_in_another_time_zone_the_most_used_keys_are_those_of_its_hours(
    connection: Connection, days: int
) -> None:
    dice = random.Random(4)  # noqa: S311
    keys, zone = 800, ZoneInfo("Asia/Tokyo")
    by_hour = {
        (key, hour): 1 + int(100_000 / (key + 50) * dice.uniform(0.5, 1.5))
        for key in range(keys)
        for hour in range(1, DAYS * 24, 5)
        if dice.random() < 0.8
    }
    by_day: Counter[tuple[int, int]] = Counter()
    for (key, hour), count in by_hour.items():
        by_day[key, hour // 24] += count
    await _write(connection, by_day)
    await connection.execute(
        b"insert into usage_counts (lane, hour, organization_id, key_id, mcp_id, tool, kind, action, code, events)"
        b" select 1, hour, 'org_a', key_id, '', '', 'used', 'verify', 'valid', events"
        b" from unnest(%s::text[], %s::timestamptz[], %s::bigint[]) as r (key_id, hour, events)",
        (
            [_key(key) for key, _ in by_hour],
            [midnight(DAY) + timedelta(hours=hour) for _, hour in by_hour],
            list(by_hour.values()),
        ),
    )
    span = Span(DAY + timedelta(days=1), DAY + timedelta(days=days), zone)
    first, end = ((instant - midnight(DAY)) // timedelta(hours=1) for instant in span.instants)
    within = {(key, 0): 0 for key in range(keys)}
    for (key, hour), count in by_hour.items():
        within[key, 0] += count * (first <= hour < end)
    report = await _report(connection, span)
    assert report.keys is not None
    assert [(key.id, key.requests) for key in report.keys] == _most_used(within, 1)
    # One day has hours of two UTC days, in which any key could have all of its requests of both.
    assert report.keys_exact is (days > 1)


async def test_fewer_keys_than_are_listed_are_all_listed(connection: Connection) -> None:
    await _write(connection, {(key, day): 1 + key for key in range(20) for day in range(DAYS)})
    report = await _report(connection)
    assert report.keys is not None
    assert [key.requests for key in report.keys] == [DAYS * (20 - number) for number in range(20)]
    assert report.keys_exact


async def test_a_list_that_may_miss_a_key_says_so(connection: Connection) -> None:
    """Every day has other keys ahead of one that is used a little less, but on every day."""
    requests = {(day * 300 + key, day): 100 for day in range(DAYS) for key in range(300)}
    steady = DAYS * 300
    requests |= {(steady, day): 90 for day in range(DAYS)}
    await _write(connection, requests)
    report = await _report(connection)
    assert report.keys is not None
    assert {key.requests for key in report.keys} == {100}
    assert _key(steady) not in {key.id for key in report.keys}
    assert not report.keys_exact
    assert (await _report(connection, Span(DAY, DAY))).keys_exact, "one day is one range of the index"


async def test_only_the_most_used_keys_of_a_day_are_read(connection: Connection) -> None:
    await _write(connection, {(key, day): 1 + key for key in range(KEYS) for day in range(DAYS)})
    await _report(connection)
    cursor = await connection.execute(
        b"select pg_stat_force_next_flush(), coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes"
        b" where indexrelname = 'key_usage_days_by_requests'"
    )
    row = await cursor.fetchone()
    assert row is not None
    assert int(row[1]) < KEYS
