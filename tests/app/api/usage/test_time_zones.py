"""`time_zone` of usage reports: the days are those of the zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from infrastructure.clock import now
from infrastructure.days import midnight
from tests.app.api.usage.usage_data import count, record
from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.projections.usage.uses import used

TOKYO = ZoneInfo("Asia/Tokyo")


def _tokyo_midnight(days_ago: int) -> datetime:
    """Return the start of a day in Tokyo, which is 15:00 of the day before in UTC."""
    return midnight(now().astimezone(TOKYO).date() - timedelta(days=days_ago), TOKYO)


def _use_around_midnight(api: Api, org: Organization, key_id: str) -> datetime:
    """Write one use in the last hour of a day in Tokyo and two in the first hour of the next, and return its start."""
    start = _tokyo_midnight(2)
    for at, uses in ((start - timedelta(minutes=1), 1), (start + timedelta(minutes=1), 2)):
        record(api, at, [used(key_id, at, organization_id=org.id) for _ in range(uses)])
    count(api)
    return start


def test_days_are_those_of_the_time_zone(api: Api, org: Organization) -> None:
    key = org.key()
    start = _use_around_midnight(api, org, key.id)
    before, day = start.date() - timedelta(days=1), start.date()
    for path in ("/v1/usage", "/v1/organization/usage", f"{key.path}/usage"):
        given = {"start_date": before.isoformat(), "end_date": day.isoformat(), "bucket": "day"}
        usage = org.client.get(path, {**given, "time_zone": "Asia/Tokyo"}).data
        assert usage["time_zone"] == "Asia/Tokyo"
        assert [(each["date"], each["requests"]) for each in usage["by_day"]] == [
            (before.isoformat(), 1),
            (day.isoformat(), 2),
        ]
        assert usage["by_status"] == {"success": 3, "error": 0, "denied": 0}
        of_one_day = {**given, "start_date": day.isoformat(), "time_zone": "Asia/Tokyo"}
        assert org.client.get(path, of_one_day).data["by_status"]["success"] == 2
    usage = org.client.get("/v1/usage", of_one_day).data
    assert [(each["key_id"], each["requests"]) for each in usage["by_key"]] == [(key.id, 2)]


def test_hours_are_instants_of_utc_and_rows_of_csv_those_of_the_time_zone(api: Api, org: Organization) -> None:
    key = org.key()
    start = _use_around_midnight(api, org, key.id)
    day = start.date().isoformat()
    for path in ("/v1/usage", f"{key.path}/usage"):
        given = {"start_date": day, "end_date": day, "time_zone": "Asia/Tokyo", "bucket": "hour"}
        hours = org.client.get(path, given).data["by_hour"]
        assert len(hours) == 24
        assert (hours[0]["hour"], hours[0]["requests"]) == (f"{start - timedelta(hours=9):%Y-%m-%d}T15:00:00Z", 2)
        for bucket, rows in (("hour", 24), ("day", 1)):
            table = org.client.get(path, {**given, "bucket": bucket, "format": "csv"}).content.decode().splitlines()
            assert len(table) == rows + 1
            assert table[1].startswith(f"{day}T00:00:00+09:00,2,0,0")


def test_days_and_sums_are_the_same_with_and_without_buckets(api: Api, org: Organization) -> None:
    start = _use_around_midnight(api, org, org.key().id)
    given = {"start_date": start.date().isoformat(), "end_date": start.date().isoformat(), "time_zone": "Asia/Tokyo"}
    plain = org.client.get("/v1/usage", given).data
    for bucket in ("hour", "day"):
        usage = org.client.get("/v1/usage", {**given, "bucket": bucket}).data
        assert usage["by_status"] == plain["by_status"]
        assert [{**day, **of_plain} for day, of_plain in zip(usage["by_day"], plain["by_day"], strict=True)] == (
            usage["by_day"]
        )


def test_named_periods_end_with_the_day_of_the_time_zone(org: Organization) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
        today = now().astimezone(ZoneInfo(zone)).date()
        starts = {
            "day": today,
            "week": today - timedelta(days=today.weekday()),
            "month": today.replace(day=1),
        }
        for period, start in starts.items():
            usage = org.client.get("/v1/usage", {"period": period, "time_zone": zone}).data
            assert (usage["start_date"], usage["end_date"]) == (start.isoformat(), today.isoformat())
        usage = org.client.get("/v1/usage", {"days": 3, "time_zone": zone}).data
        assert (usage["start_date"], usage["end_date"]) == (
            (today - timedelta(days=2)).isoformat(),
            today.isoformat(),
        )


def test_the_latencies_of_the_days_of_a_key_are_counted_in_utc_only(org: Organization) -> None:
    path = f"{org.key().path}/usage"
    for zone, has_latencies in (("UTC", True), ("Etc/UTC", False)):
        (day,) = org.client.get(path, {"period": "day", "bucket": "day", "time_zone": zone}).data["by_day"]
        assert ("latency_ms" in day) is has_latencies
        assert day["calls"] == 0


def test_a_member_has_the_requests_of_their_own_keys_in_the_time_zone(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    own = member.client.post("/v1/api-keys", {"name": "Own"}).data["id"]
    start = _use_around_midnight(api, org, own)
    at = start + timedelta(hours=1)
    record(api, at, [used(org.key().id, at, organization_id=org.id)])
    count(api)
    day = start.date().isoformat()
    usage = member.client.get("/v1/usage", {"start_date": day, "end_date": day, "time_zone": "Asia/Tokyo"}).data
    assert usage["by_key"] == [{"key_id": own, "name": "Own", "requests": 2}]
    assert usage["requests"]["total"] == 3


@pytest.mark.parametrize(
    "zone",
    ["", "Berlin", "europe/berlin", "America", "../UTC", "/etc/localtime", "posix/UTC", "+02:00", "Europe/Berlin\n"],
)
def test_a_time_zone_that_does_not_exist_is_refused(org: Organization, zone: str) -> None:
    for path in ("/v1/usage", f"{org.manager.path}/usage"):
        for given in ({}, {"start_date": "2026-01-01", "end_date": "2026-01-02"}):
            refused = org.client.get(path, {**given, "time_zone": zone})
            assert (refused.status, refused.details) == (
                422,
                {"time_zone": "Must be the name of a zone of the IANA database, such as Europe/Berlin"},
            )


def test_the_first_day_of_the_calendar_is_refused_in_a_time_zone(org: Organization) -> None:
    given = {"start_date": "0001-01-01", "end_date": "0001-01-02"}
    assert org.client.get("/v1/usage", given).status == 200
    refused = org.client.get("/v1/usage", {**given, "time_zone": "Asia/Tokyo"})
    assert (refused.status, refused.details) == (
        422,
        {"start_date": "Must be after 0001-01-01 in another time zone than UTC"},
    )
