"""Anomalies in the log raise alerts: once each, regardless of the number of workers, with the numbers that triggered
them.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from freezegun import freeze_time
from structlog.testing import capture_logs

from domain.alerts.events import AlertRaised
from domain.organizations.events import Settings
from domain.usage.events import Code, KeyUsed, UsageEvent
from eventstore.check import check
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from infrastructure.clock import new_event_id, now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings as ServiceSettings
from projections.read_models.anomalies.queries import signals_due
from projections.registry import INLINE_CHECKS, USAGE_CHECKS
from tests import seed
from tests.geo_database import AMERICAN, AMERICAN_V6, SWISS, geo_database
from tests.projections.usage.uses import append, completed
from workers.anomaly_replay import ReplayPeriod, parse_thresholds, replay
from workers.jobs import detect_anomalies
from workers.jobs.aggregate_usage import aggregate
from workers.jobs.detect_anomalies import detect

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_settle_delay")]

CONFIG = ServiceSettings()
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONDAY_NOON = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
FIRST_IP, OTHER_IP = "192.0.2.7", "203.0.113.9"


def used(
    organization_id: str | None, key_id: str | None, at: datetime, code: Code = "valid", ip: str | None = FIRST_IP
) -> KeyUsed:
    return KeyUsed(
        id=new_event_id(),
        occurred_at=at,
        action="call",
        code=code,
        organization_id=organization_id,
        key_id=key_id,
        secret_version=1 if key_id else None,
        ip=ip,
    )


async def write(pool: Pool, at: datetime, events: Sequence[UsageEvent]) -> None:
    async with pool.connection() as connection:
        await append(connection, "p", at, events)


async def write_history(pool: Pool, organization_id: str, key_id: str, days: int = 30, per_hour: int = 20) -> None:
    """Write the same uses in every hour of the days before Monday noon."""
    start = MONDAY_NOON - days * DAY
    for number in range(days * 24):
        at = start + number * HOUR
        await write(pool, at, [used(organization_id, key_id, at) for _ in range(per_hour)])


async def run_workers(pool: Pool, config: ServiceSettings = CONFIG, rounds: int = 20) -> None:
    """Run the jobs of the workers after the settle delay."""
    async with pool.connection() as connection:
        await connection.execute(b"update anomaly_signals set noted_at = noted_at - interval '1 minute'")
    for _ in range(rounds):
        await aggregate(pool)
        await detect(pool, config)


async def raised(pool: Pool, organization_id: str) -> list[AlertRaised]:
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    events = [each.event for each in recorded if each.record.organization_id == organization_id]
    return [event for event in events if isinstance(event, AlertRaised)]


async def types(pool: Pool, organization_id: str) -> list[str]:
    return [alert.alert_type for alert in await raised(pool, organization_id)]


async def test_unusual_volume_raises_an_alert_and_starts_a_cooldown(
    connections: Pool,
) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 30 * DAY)
        await write_history(connections, organization_id, key_id)
        await run_workers(connections)
        assert await types(connections, organization_id) == []
        await write(connections, now(), [used(organization_id, key_id, now()) for _ in range(300)])
        await run_workers(connections)
        (alert,) = await raised(connections, organization_id)
        assert (alert.alert_type, alert.severity, alert.key_id) == ("api_key.unusual_volume", "critical", key_id)
        assert (alert.numbers["requests"], alert.numbers["usual"]) == (300, 20.0)
        clock.tick(HOUR)
        await write(connections, now(), [used(organization_id, key_id, now()) for _ in range(500)])
        await run_workers(connections)
        assert len(await raised(connections, organization_id)) == 1, "the cooldown lasts a day"
        async with connections.connection() as connection:
            await connection.execute(b"set role none")
            assert (await check(connection, INLINE_CHECKS, USAGE_CHECKS)).ok
            await connection.execute(b"reset role")


async def test_many_failed_calls_raise_an_alert(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 20 * DAY)
        await write(connections, now() - DAY, [used(organization_id, key_id, now() - DAY)])
        uses = [used(organization_id, key_id, now()) for _ in range(40)]
        ends = [completed(key_id, now(), status="error", organization_id=organization_id) for _ in range(30)]
        await write(connections, now(), [*uses, *ends])
        await run_workers(connections)
        (alert,) = await raised(connections, organization_id)
        assert (alert.alert_type, alert.numbers["errors"]) == ("api_key.error_spike", 30)


async def test_a_key_in_continuous_use_is_evaluated(connections: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that is recorded again and again does not settle; its first record since the last evaluation counts."""
    monkeypatch.setattr(detect_anomalies, "SETTLE_DELAY", timedelta(minutes=1))
    with freeze_time(MONDAY_NOON, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 90 * DAY)
        await write_history(connections, organization_id, key_id)
        for _ in range(6):
            clock.tick(detect_anomalies.MAX_WAIT / 2)
            await write(connections, now(), [used(organization_id, key_id, now()) for _ in range(50)])
            await aggregate(connections)
            await detect(connections, CONFIG)
        (alert,) = await raised(connections, organization_id)
        assert alert.alert_type == "api_key.unusual_volume"


async def test_ipv4_mapped_addresses_belong_to_ipv4_networks(connections: Pool) -> None:
    addresses = [f"::ffff:{OTHER_IP}", f"::FFFF:{OTHER_IP}", OTHER_IP, "2001:db8:1:2::3", "::ffff:999.1.1.1", "nowhere"]
    networks = b"select network_of(ip) from unnest(%s::text[]) with ordinality as a (ip, n) order by n"
    async with connections.connection() as connection:
        found = [row[0] for row in await (await connection.execute(networks, (addresses,))).fetchall()]
    assert found == ["203.0.113.0/24", "203.0.113.0/24", "203.0.113.0/24", "2001:db8:1::/48", None, None]


async def test_a_new_network_of_an_established_key_raises_an_alert(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        old, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 90 * DAY)
        young, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - DAY)
        for key_id in (old, young):
            for at, ip in ((now() - 5 * HOUR, FIRST_IP), (now() - HOUR, OTHER_IP), (now(), "203.0.113.200")):
                await write(connections, at, [used(organization_id, key_id, at, ip=ip)])
        await run_workers(connections)
        (alert,) = [each for each in await raised(connections, organization_id) if "location" in each.alert_type]
        assert (alert.key_id, alert.numbers["place"]) == (old, "203.0.113.0/24")


async def test_with_a_country_database_only_another_country_raises_an_alert(connections: Pool) -> None:
    config = ServiceSettings(geo_database=geo_database())
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 90 * DAY)
        for at, ip in ((now() - 5 * HOUR, AMERICAN), (now() - HOUR, AMERICAN_V6), (now(), SWISS)):
            await write(connections, at, [used(organization_id, key_id, at, ip=ip)])
        await run_workers(connections, config)
        (alert,) = [each for each in await raised(connections, organization_id) if "location" in each.alert_type]
        assert (alert.key_id, alert.numbers["place"]) == (key_id, "CH")


async def test_use_of_a_dormant_key_raises_an_alert(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 400 * DAY)
        for at in (now() - 100 * DAY, now()):
            await write(connections, at, [used(organization_id, key_id, at)])
        await run_workers(connections)
        (alert,) = await raised(connections, organization_id)
        assert (alert.alert_type, alert.numbers["unused_days"]) == ("api_key.dormant_used", 100)


async def test_many_refusals_or_repeated_use_of_a_revoked_secret_raise_an_alert(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        many, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 2 * DAY)
        revoked, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 2 * DAY)
        await write(connections, now(), [used(organization_id, many, now(), "ip_not_permitted") for _ in range(19)])
        await write(connections, now(), [used(organization_id, revoked, now(), "revoked_key")])
        await run_workers(connections)
        assert await raised(connections, organization_id) == [], "one refusal is no burst"
        await write(connections, now(), [used(organization_id, revoked, now(), "revoked_key")])
        await run_workers(connections)
        (alert,) = await raised(connections, organization_id)
        assert (alert.key_id, alert.numbers["most_frequent_reason"]) == (revoked, "revoked_key")
        assert (alert.numbers["rule"], alert.numbers["denied"]) == ("revoked_secret", 2)
        await write(connections, now(), [used(organization_id, many, now(), "tool_not_permitted")])
        await run_workers(connections)
        numbers = (await raised(connections, organization_id))[1].numbers
        assert (numbers["rule"], numbers["denied"]) == ("denied", 20)


async def test_many_unknown_keys_from_one_address_raise_an_alert_of_the_calling_organization(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        for caller in (organization_id, None):
            await write(connections, now(), [used(caller, None, now(), "unauthorized", OTHER_IP) for _ in range(25)])
        await write(connections, now(), [used(organization_id, None, now(), "unauthorized", "no address")])
        await run_workers(connections)
        (alert,) = await raised(connections, organization_id)
        assert (alert.severity, alert.key_id, alert.numbers["address"]) == ("critical", None, OTHER_IP)
        assert (alert.numbers["rule"], alert.numbers["denied"]) == ("unknown", 25)


async def test_thresholds_of_the_organization_apply(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        settings: Settings = {"anomalies.revoked_secret": False, "anomalies.denied_count": 3}
        await seed.settings(connections, organization_id, settings)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 2 * DAY)
        await write(connections, now(), [used(organization_id, key_id, now(), "revoked_key") for _ in range(2)])
        await run_workers(connections)
        assert await types(connections, organization_id) == []
        await write(connections, now(), [used(organization_id, key_id, now(), "revoked_key")])
        await run_workers(connections)
        (alert,) = await raised(connections, organization_id)
        assert (alert.numbers["denied"], alert.numbers["limit"]) == (3, 3)


async def test_the_cooldown_of_the_organization_applies(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True) as clock:
        hours = {await seed.organization(connections): hours for hours in (2, None, 48)}
        keys: dict[str, str] = {}
        for organization_id, cooldown in hours.items():
            if cooldown is not None:
                await seed.settings(connections, organization_id, {"anomalies.cooldown_hours": cooldown})
            keys[organization_id], _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 2 * DAY)

        async def alerts_after(wait: timedelta) -> list[int]:
            """Refuse a use of each key after `wait`, and return the number of alerts of each organization."""
            clock.tick(wait)
            for organization_id, key_id in keys.items():
                await write(connections, now(), [used(organization_id, key_id, now(), "revoked_key") for _ in range(2)])
            await run_workers(connections)
            return [len(await raised(connections, organization_id)) for organization_id in hours]

        assert await alerts_after(timedelta(0)) == [1, 1, 1]
        assert await alerts_after(HOUR) == [1, 1, 1]
        assert await alerts_after(HOUR) == [2, 1, 1]
        assert await alerts_after(22 * HOUR) == [3, 2, 1]
        assert await alerts_after(24 * HOUR) == [4, 3, 2]


async def test_unknown_keys_without_an_organization_are_logged_once_an_hour(
    connections: Pool,
) -> None:
    address = "198.51.100.77"
    with freeze_time(MONDAY_NOON, real_asyncio=True) as clock, capture_logs() as lines:
        organization_id = await seed.organization(connections)

        async def presented(times: int) -> list[object]:
            """Present unknown keys and return the counts logged so far."""
            await write(connections, now(), [used(None, None, now(), "unauthorized", address) for _ in range(times)])
            await run_workers(connections, rounds=2)
            return [line["denied"] for line in lines if line["event"] == "unknown_keys_presented"]

        assert await presented(19) == []
        assert await presented(1) == [20]
        assert await presented(1) == [20]
        clock.tick(HOUR)
        # The alert cooldown does not apply, since nothing is stored.
        assert await presented(30) == [20, 30]
        logged = [line for line in lines if line["event"] == "unknown_keys_presented"]
        assert {(line["log_level"], line["address"], line["minutes"], line["limit"]) for line in logged} == {
            ("warning", address, 10, 20)
        }
        assert await types(connections, organization_id) == []


async def test_old_events_are_used_as_history_and_raise_no_alert(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 90 * DAY)
        at = now() - 2 * DAY
        await write(connections, at, [used(organization_id, key_id, at, "revoked_key") for _ in range(100)])
        await run_workers(connections)
        assert await types(connections, organization_id) == []


async def test_concurrent_and_interrupted_workers_raise_each_alert_once(connections: Pool) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        keys = [(await seed.key(connections, organization_id, at=MONDAY_NOON - DAY))[0] for _ in range(20)]
        for key_id in keys:
            await write(connections, now(), [used(organization_id, key_id, now(), "revoked_key") for _ in range(2)])
        await aggregate(connections)
        for delay in (0.0, 0.01, 0.03, 0.06):
            dying = asyncio.create_task(detect(connections, CONFIG))
            await anyio.sleep(delay)
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(detect, connections, CONFIG)
        await run_workers(connections)
        assert sorted(str(alert.key_id) for alert in await raised(connections, organization_id)) == sorted(keys)
        async with connections.connection() as connection:
            assert await signals_due(connection, now() + DAY, now() + DAY, 10) == []


async def test_a_replay_reports_the_same_alerts_and_stores_nothing(connections: Pool, database_url: str) -> None:
    with freeze_time(MONDAY_NOON, real_asyncio=True):
        organization_id = await seed.organization(connections)
        loud, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 30 * DAY)
        revoked, _ = await seed.key(connections, organization_id, at=MONDAY_NOON - 30 * DAY)
        await write_history(connections, organization_id, loud)
        await write(connections, now(), [used(organization_id, loud, now(), ip=OTHER_IP) for _ in range(300)])
        await write(connections, now(), [used(organization_id, revoked, now(), "revoked_key") for _ in range(2)])
        await write(connections, now(), [used(organization_id, None, now(), "unauthorized") for _ in range(20)])
        await run_workers(connections)
        expected = [
            (alert.alert_type, alert.key_id, alert.numbers["at"])
            for alert in await raised(connections, organization_id)
        ]
        assert len(expected) == 4
        period = ReplayPeriod(now() - 6 * HOUR, now() + HOUR)
        progress: list[tuple[int, int]] = []
        again = await replay(
            database_url, period, lambda network: network, {}, lambda done, of: progress.append((done, of))
        )
        assert progress[0][0] == 0
        assert progress[-1][0] == progress[-1][1] > 0
        replayed = [
            (each.type, None if each.rule == "unknown_keys" else each.subject, f"{each.at:%Y-%m-%dT%H:%M:%S}Z")
            for each in again
        ]
        assert sorted(replayed, key=str) == sorted(expected, key=str)
        quieter = await replay(database_url, period, lambda network: network, {"volume": False, "unknown": False})
        assert {each.rule for each in quieter} == {"location", "revoked_secret"}
        other = ReplayPeriod(period.begin, period.end, await seed.organization(connections))
        assert await replay(database_url, other, lambda network: network, {}) == []
        assert len(await raised(connections, organization_id)) == len(expected)


def test_thresholds_are_given_as_name_and_value() -> None:
    assert parse_thresholds(["volume_ratio=5", "location=false"]) == {"volume_ratio": 5, "location": False}
    for text in ("volume_ratio", "volume_ratio=0", "speed=1"):
        with pytest.raises(ValueError, match=r"^(volume_ratio|speed)"):
            parse_thresholds([text])
