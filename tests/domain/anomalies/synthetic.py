"""A month of hourly counts for many keys, with realistic variation and labelled incidents. The same seed gives the same
month.

Variation: day and night, weekends, growth, holidays, very different volumes per key, overdispersed noise, and an error
rate of a few percent. Incidents: volume spikes, error bursts, and use from another country.
"""

import random
from datetime import UTC, datetime, timedelta
from math import cos, pi
from typing import NamedTuple

from domain.alerts.events import AlertType
from domain.anomalies.hourly_counts import Hour

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 30
HOUR = timedelta(hours=1)
QUIET_DAYS = 8
"""No incident is injected in the first days, in which the rules learn what is usual."""


class Incident(NamedTuple):
    type: AlertType
    starts_at: datetime
    ends_at: datetime


class Month(NamedTuple):
    """One key's month. `places` lists the countries it was used from, in chronological order."""

    hours: dict[datetime, Hour]
    places: list[tuple[datetime, str]]
    incidents: list[Incident]


def month(seed: int) -> Month:
    dice = random.Random(seed)  # noqa: S311 -- no secret
    habits = _Habits(dice)
    incidents = _incidents(dice)
    hours: dict[datetime, Hour] = {}
    for number in range(DAYS * 24):
        start = START + number * HOUR
        under_way: set[AlertType] = {
            incident.type for incident in incidents if incident.starts_at <= start < incident.ends_at
        }
        hours[start] = habits.hour(start, under_way)
    return Month(hours, habits.travels(incidents), incidents)


class _Habits:
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._peak = dice.choice([25, 60, 150, 400, 1_500])
        self._night = dice.uniform(0.05, 0.4)
        self._weekend = dice.choice([0.1, 0.4, 1.0])
        self._growth = dice.choice([0.0, 0.01, 0.02])
        self._error_rate = dice.choice([0.0, 0.005, 0.02, 0.04])
        self._holidays = {dice.randrange(DAYS) for _ in range(2)}
        self._places = dice.sample(["DE", "FR", "US", "JP", "BR"], dice.choice([1, 2]))

    def hour(self, start: datetime, under_way: set[AlertType]) -> Hour:
        dice = self._dice
        requests = self._drawn(self._expected(start) * dice.lognormvariate(0, 0.2))
        if "api_key.unusual_volume" in under_way:
            requests += max(150, round(self._expected(start) * dice.uniform(5, 20)))
        rate = dice.uniform(0.35, 0.9) if "api_key.error_spike" in under_way else self._error_rate
        if "api_key.error_spike" in under_way:
            requests = max(requests, 30)
        return Hour(requests=requests, errors=min(requests, self._drawn(requests * rate)))

    def travels(self, incidents: list[Incident]) -> list[tuple[datetime, str]]:
        usual = [(START + number * 6 * HOUR, self._dice.choice(self._places)) for number in range(DAYS * 4)]
        moves = [(i.starts_at, "KP") for i in incidents if i.type == "api_key.new_location"]
        return sorted([(START, place) for place in self._places] + usual + moves)

    def _expected(self, start: datetime) -> float:
        day = (start - START).days
        daylight = (1 - cos(2 * pi * (start.hour + 0.5) / 24)) / 2
        expected = self._peak * (self._night + (1 - self._night) * daylight) * (1 + self._growth) ** day
        if start.weekday() >= 5:
            expected *= self._weekend
        return expected * 0.1 if day in self._holidays else expected

    def _drawn(self, mean: float) -> int:
        """Draw a Poisson number; a large mean uses the normal approximation."""
        if mean > 50:
            return max(0, round(self._dice.gauss(mean, mean**0.5)))
        count, product, end = 0, self._dice.random(), 2.718281828459045**-mean
        while product > end:
            count, product = count + 1, product * self._dice.random()
        return count


def _incidents(dice: random.Random) -> list[Incident]:
    """Draw at most one incident of each type after the quiet days; some keys have none."""
    types: tuple[AlertType, ...] = ("api_key.unusual_volume", "api_key.error_spike", "api_key.new_location")
    found: list[Incident] = []
    for kind in types:
        if dice.random() < 0.5:
            continue
        starts_at = START + dice.randrange(QUIET_DAYS * 24, DAYS * 24 - 6) * HOUR
        found.append(Incident(kind, starts_at, starts_at + dice.randint(1, 4) * HOUR))
    return found
