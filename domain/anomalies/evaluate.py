"""Evaluation of the rules for one signal, identical in a worker and in a replay of the log.

A signal is a point in the log at which a rule may apply: an hour in which a key was used or refused, a network that the
key was used from for the first time, or a minute with refusals. Only facts up to that point count, so that a replay
produces the findings that a worker produced.
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
"""The period that the rules look at. Uses before it matter only for dormancy."""

Geolocate = Callable[[str], str]
"""Returns the location of a network: its country if known, otherwise the network itself."""


class Signal(Struct, frozen=True):
    """A point in the log that the rules evaluate.

    `subject`: a key, or an address for `unknown`. `at`: the start of an hour or minute, or the first use. `detail`: the
    network.
    """

    kind: SignalKind
    organization_id: str
    subject: str
    at: datetime
    detail: str = ""


class KeyHistory(Struct, frozen=True):
    """Facts about the subject of a signal. `used_before`: the last hour of use that precedes `hours`."""

    created_at: datetime
    hours: Hours = {}
    used: frozenset[datetime] = frozenset()
    """Hours in which the key was accepted, for management calls too."""
    used_before: datetime | None = None
    networks: Mapping[str, datetime] = {}
    """First use from each network."""
    refused: Mapping[datetime, Mapping[Code, int]] = {}
    """Number of refusals, by minute and code."""


def evaluate(signal: Signal, facts: KeyHistory, thresholds: Thresholds, locate: Geolocate) -> Iterator[Finding]:
    """Yield the findings of all rules that are switched on."""
    for finding in _findings(signal, facts, thresholds, locate):
        if getattr(thresholds, finding.switch):
            yield finding


def _findings(signal: Signal, facts: KeyHistory, thresholds: Thresholds, locate: Geolocate) -> Iterator[Finding]:
    match signal.kind:
        case "hour":
            known = {hour: count for hour, count in facts.hours.items() if hour <= signal.at}
            yield from evaluate_hour(known, facts.created_at, signal.at, thresholds)
            yield from _if_found(_dormancy(signal, facts, thresholds))
        case "network":
            before = {locate(network) for network, first in facts.networks.items() if first < signal.at}
            yield from _if_found(new_location(before, locate(signal.detail), facts.created_at, signal.at, thresholds))
        case "denied":
            refused = _refused(signal, facts, thresholds)
            yield from _if_found(denied_burst(refused, thresholds))
            yield from _if_found(secret_over_used(refused, thresholds))
        case "unknown":
            count = sum(_refused(signal, facts, thresholds).values())
            yield from _if_found(unknown_keys(signal.subject, count, thresholds))
        case _:
            assert_never(signal.kind)


def _dormancy(signal: Signal, facts: KeyHistory, thresholds: Thresholds) -> Finding | None:
    if signal.at not in facts.used:
        return None
    before = [hour for hour in facts.used if hour < signal.at]
    last = max(before, default=facts.used_before or facts.created_at)
    return dormant_used(last, signal.at, thresholds)


def _refused(signal: Signal, facts: KeyHistory, thresholds: Thresholds) -> Mapping[Code, int]:
    """Return the refusals within the `denied_minutes` of the thresholds, up to the minute of the signal."""
    start = signal.at - timedelta(minutes=thresholds.denied_minutes)
    counted: Counter[Code] = Counter()
    for minute, codes in facts.refused.items():
        if start < minute <= signal.at:
            counted.update(codes)
    return counted


def _if_found(finding: Finding | None) -> Iterator[Finding]:
    if finding is not None:
        yield finding
