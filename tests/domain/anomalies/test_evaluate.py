"""A signal is evaluated against earlier data only, never against later data."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from domain.anomalies.evaluate import KeyHistory, Signal, evaluate
from domain.anomalies.hourly_counts import Hour
from domain.anomalies.thresholds import DEFAULTS

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
SINCE = NOON - 100 * DAY


def rules(sign: Signal, facts: KeyHistory, **changed: bool) -> list[str]:
    return [
        finding.rule for finding in evaluate(sign, facts, replace(DEFAULTS, **changed), lambda network: network[:3])
    ]


def test_an_hour_is_compared_with_earlier_hours_only() -> None:
    hours = {NOON - number * HOUR: Hour(20) for number in range(1, 60 * 24)}
    loud = KeyHistory(SINCE, hours={**hours, NOON: Hour(900)}, used=frozenset({NOON, NOON - HOUR}))
    sign = Signal("hour", "org", "key", NOON)
    assert rules(sign, loud) == ["volume"]
    assert rules(sign, loud, volume=False) == []
    later = KeyHistory(SINCE, hours={**hours, NOON: Hour(20), NOON + HOUR: Hour(900)}, used=loud.used)
    assert rules(sign, later) == []


def test_a_key_is_dormant_since_its_last_use_or_its_creation() -> None:
    sign = Signal("hour", "org", "key", NOON)
    assert rules(sign, KeyHistory(SINCE, used=frozenset({NOON}))) == ["dormant"]
    assert rules(sign, KeyHistory(SINCE, used=frozenset({NOON, NOON - DAY}))) == []
    assert rules(sign, KeyHistory(SINCE, used=frozenset({NOON}), used_before=NOON - 65 * DAY)) == ["dormant"]
    assert rules(sign, KeyHistory(NOON - DAY, used=frozenset({NOON}))) == []
    assert rules(sign, KeyHistory(SINCE)) == [], "refused requests do not count as use"


def test_a_place_is_new_if_no_earlier_network_is_there() -> None:
    networks = {"DE 1": NOON - DAY, "DE 2": NOON, "FR 1": NOON, "JP 1": NOON + DAY}
    facts = KeyHistory(SINCE, networks=networks)
    assert rules(Signal("network", "org", "key", NOON, "DE 2"), facts) == []
    assert rules(Signal("network", "org", "key", NOON, "FR 1"), facts) == ["location"]


def test_refusals_are_counted_over_ten_minutes() -> None:
    facts = KeyHistory(SINCE, refused={NOON - 9 * MINUTE: {"forbidden": 12}, NOON: {"forbidden": 8}, NOON + MINUTE: {}})
    assert rules(Signal("denied", "org", "key", NOON), facts) == ["denied"]
    assert rules(Signal("denied", "org", "key", NOON + MINUTE), facts) == []
    once = KeyHistory(SINCE, refused={NOON - 10 * MINUTE: {"revoked_key": 5}, NOON: {"revoked_key": 1}})
    assert rules(Signal("denied", "org", "key", NOON), once) == []
    over = KeyHistory(SINCE, refused={NOON - 9 * MINUTE: {"revoked_key": 1}, NOON: {"revoked_key": 1}})
    assert rules(Signal("denied", "org", "key", NOON), over) == ["revoked_secret"]
    assert rules(Signal("denied", "org", "key", NOON), over, revoked_secret=False) == []


def test_unknown_keys_are_counted_by_address() -> None:
    facts = KeyHistory(SINCE, refused={NOON: {"unauthorized": 20}})
    assert rules(Signal("unknown", "org", "192.0.2.1", NOON), facts) == ["unknown_keys"]
    assert rules(Signal("unknown", "org", "192.0.2.1", NOON), facts, unknown=False) == []
