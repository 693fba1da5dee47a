"""The labelled month of the rules' test, end to end: through the log, the projection of uses and the job, to alerts.

This test shows that no step between a use and its alert loses or adds a signal, or evaluates it with other numbers than
the rules' own test: both use the same thresholds.
"""

import sys
from datetime import datetime
from itertools import count, islice

import pytest
from freezegun import freeze_time

from domain.alerts.events import AlertType
from domain.usage.events import UsageEvent
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests import seed
from tests.domain.anomalies.synthetic import DAYS, HOUR, START, Month, month
from tests.domain.anomalies.test_synthetic_month import explains
from tests.projections.usage.uses import completed
from tests.workers.test_anomalies import raised, run_workers, used, write
from workers.anomaly_replay import ReplayPeriod, replay

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_settle_delay")]

REQUESTS_MAX = 12_000
"""Months with more requests are skipped: they test the same, with millions of uses."""

HOURS_BETWEEN_RUNS = 6
PLACES = {
    "DE": "192.0.2.1",
    "FR": "198.51.100.1",
    "US": "203.0.113.1",
    "JP": "10.1.1.1",
    "BR": "10.2.2.1",
    "KP": "10.3.3.1",
}
"""Without a country database, a location is a network: one network per country."""

TYPES: set[AlertType] = {"api_key.unusual_volume", "api_key.error_spike", "api_key.new_location"}


def months(keys: int) -> list[Month]:
    """Return the generator's first months that are not too large."""
    small = (about for about in map(month, count()) if requests_of(about) <= REQUESTS_MAX)
    return list(islice(small, keys))


def requests_of(about: Month) -> int:
    return sum(hour.requests for hour in about.hours.values())


def uses_of(about: Month, organization_id: str, key_id: str, number: int) -> list[UsageEvent]:
    """Return the uses of one hour: requests from usual locations and elsewhere, and failed calls."""
    start = START + number * HOUR
    places = [place for at, place in about.places if start <= at < start + HOUR] or [about.places[0][1]]
    hour = about.hours[start]
    events: list[UsageEvent] = [
        used(organization_id, key_id, start, ip=PLACES[places[each % len(places)]])
        for each in range(max(hour.requests, len(places)))
    ]
    failed = [
        completed(key_id, start, status="error", organization_id=organization_id, call_id=use.id)
        for use in events[: hour.errors]
    ]
    return [*events, *failed]


async def write_hour(pool: Pool, organization_id: str, keys: dict[str, Month], number: int) -> None:
    events = [event for key_id, about in keys.items() for event in uses_of(about, organization_id, key_id, number)]
    await write(pool, now(), events)
    if number % HOURS_BETWEEN_RUNS == HOURS_BETWEEN_RUNS - 1:
        await run_workers(pool, rounds=1)


@pytest.mark.parametrize(
    ("number_of_keys", "incidents_at_least"), [(6, 7), pytest.param(12, 16, marks=pytest.mark.soak)]
)
async def test_precision_and_recall_of_alerts_raised_by_workers(
    connections: Pool, database_url: str, number_of_keys: int, incidents_at_least: int
) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        keys = {(await seed.key(connections, organization_id, at=START))[0]: about for about in months(number_of_keys)}
        for number in range(DAYS * 24):
            clock.move_to(START + number * HOUR)
            await write_hour(connections, organization_id, keys, number)
        alerts = [
            (str(alert.key_id), alert.alert_type, datetime.fromisoformat(str(alert.numbers["at"])))
            for alert in await raised(connections, organization_id)
            if alert.alert_type in TYPES
        ]
        period = ReplayPeriod(START, now() + HOUR, organization_id)
        replayed = await replay(database_url, period, lambda network: network, {})
    incidents = [(key_id, incident) for key_id, about in keys.items() for incident in about.incidents]
    explained = [
        (alert, incident)
        for alert in alerts
        for incident in incidents
        if alert[0] == incident[0] and explains(incident[1], alert[1], alert[2])
    ]
    right, found = {alert for alert, _ in explained}, {incident for _, incident in explained}
    precision, recall = len(right) / len(alerts), len(found) / len(incidents)
    sys.stdout.write(
        f"{number_of_keys} keys through the log, {len(incidents)} incidents, {len(alerts)} alerts: "
        f"precision {precision:.3f}, recall {recall:.3f}\n"
    )
    assert len(incidents) >= incidents_at_least
    assert precision >= 0.9
    assert recall >= 0.9
    assert sorted((each.subject, each.type, each.at) for each in replayed if each.type in TYPES) == sorted(alerts)
