"""What the rules say about one sign: the same for a worker that has just seen it, and for a replay of the log.

A sign is a place in the log where a rule may have something to say: an hour in which a key was used or refused, a
network that it was used from for the first time, a minute with refusals. Whether it has is decided upon facts up to
that place, whatever came later, so that a replay says what a worker said.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, assert_never

from msgspec import Struct

from domain.anomalies.denials import denied_burst, secret_over_used, unknown_keys
from domain.anomalies.dormancy import dormant_used
from domain.anomalies.finding import Finding
from domain.anomalies.hourly_counts import Hours
from domain.anomalies.hourly_rules import evaluate_hour
from domain.anomalies.location import new_location
from domain.anomalies.thresholds import Thresholds
from domain.usage.events import Code

SignalKind = Literal["hour", "network", "denied", "unknown"]

HISTORY = timedelta(weeks=9)
"""How far back the rules look; what a key was used for before that matters only to whether it was dormant."""

Geolocate = Callable[[str], str]
"""The place that a network lies in: a country where that is known, else the network itself."""


class Signal(Struct, frozen=True):
    """`subject`: a key, or an address for `unknown`. `at`: the beginning of an hour or minute, or the first use.

    `detail`: the network.
    """

    kind: SignalKind
    organization_id: str
    subject: str
    at: datetime
    detail: str = ""


class KeyHistory(Struct, frozen=True):
    """What is known of a sign's subject. `used_before`: the last hour, before those in `hours`, that it was used in."""

    created_at: datetime
    hours: Hours = {}
    used: frozenset[datetime] = frozenset()
    """The hours in which it was let in, for management too."""
    used_before: datetime | None = None
    networks: Mapping[str, datetime] = {}
    """By network, when it was used from there first."""
    refused: Mapping[datetime, Mapping[Code, int]] = {}
    """By minute and code, how often it was refused."""


def evaluate(sign: Signal, facts: KeyHistory, thresholds: Thresholds, locate: Geolocate) -> Iterator[Finding]:
    """What is unusual, of the rules that are switched on."""
    for finding in _findings(sign, facts, thresholds, locate):
        if getattr(thresholds, finding.switch):
            yield finding


def _findings(sign: Signal, facts: KeyHistory, thresholds: Thresholds, locate: Geolocate) -> Iterator[Finding]:
    match sign.kind:
        case "hour":
            known = {hour: count for hour, count in facts.hours.items() if hour <= sign.at}
            yield from evaluate_hour(known, facts.created_at, sign.at, thresholds)
            yield from _some(_dormancy(sign, facts, thresholds))
        case "network":
            before = {locate(network) for network, first in facts.networks.items() if first < sign.at}
            yield from _some(new_location(before, locate(sign.detail), facts.created_at, sign.at, thresholds))
        case "denied":
            refused = _refused(sign, facts, thresholds)
            yield from _some(denied_burst(refused, thresholds))
            yield from _some(secret_over_used(refused, thresholds))
        case "unknown":
            count = sum(_refused(sign, facts, thresholds).values())
            yield from _some(unknown_keys(sign.subject, count, thresholds))
        case _:
            assert_never(sign.kind)


def _dormancy(sign: Signal, facts: KeyHistory, thresholds: Thresholds) -> Finding | None:
    if sign.at not in facts.used:
        return None
    before = [hour for hour in facts.used if hour < sign.at]
    last = max(before, default=facts.used_before or facts.created_at)
    return dormant_used(last, sign.at, thresholds)


def _refused(sign: Signal, facts: KeyHistory, thresholds: Thresholds) -> Mapping[Code, int]:
    """Within the minutes that the thresholds say, up to that of the sign."""
    begin = sign.at - timedelta(minutes=thresholds.denied_minutes)
    counted: Counter[Code] = Counter()
    for minute, codes in facts.refused.items():
        if begin < minute <= sign.at:
            counted.update(codes)
    return counted


def _some(finding: Finding | None) -> Iterator[Finding]:
    if finding is not None:
        yield finding
