"""Each rule separately: the values that trigger it, those that just do not, and the numbers it reports."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.alerts.events import Number
from domain.anomalies.denials import denied_burst, secret_over_used, unknown_keys
from domain.anomalies.dormancy import dormant_used
from domain.anomalies.error_rate import error_spike
from domain.anomalies.finding import Finding
from domain.anomalies.hourly_counts import Hour, comparable_hours, total
from domain.anomalies.hourly_rules import evaluate_hour, in_cooldown
from domain.anomalies.location import new_location
from domain.anomalies.statistics import baseline, wilson_bounds
from domain.anomalies.thresholds import DEFAULTS
from domain.anomalies.volume import unusual_volume

MONDAY_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONG_AGO = MONDAY_NOON - 100 * DAY


def steady(requests: int, errors: int = 0, days: int = 60) -> dict[datetime, Hour]:
    """Return the same count for every hour before Monday noon."""
    return {MONDAY_NOON - number * HOUR: Hour(requests, errors) for number in range(1, days * 24)}


def test_one_spike_does_not_raise_the_baseline() -> None:
    usual = baseline([100, 102, 98, 101, 5_000, 99])
    assert usual.median == 100.5
    assert usual.deviation == 100.5**0.5
    assert baseline([0, 0, 0]) == (0, 1)
    assert baseline([100, 200, 300, 400, 500]).deviation == 1.4826 * 100


def test_wilson_bounds_match_published_values() -> None:
    low, high = wilson_bounds(1, 10, 1.959964)
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
    assert wilson_bounds(0, 0, 3) == (0.0, 1.0)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_bounds_contain_the_rate_and_narrow_with_more_trials(trials: int, share: float) -> None:
    hits = round(share * trials)
    low, high = wilson_bounds(hits, trials, 3)
    assert 0 <= low <= hits / trials + 1e-12
    assert hits / trials - 1e-12 <= high <= 1
    closer_low, closer_high = wilson_bounds(hits * 10, trials * 10, 3)
    assert closer_high - closer_low < high - low


def test_hours_are_compared_with_the_same_weekday_when_there_are_enough() -> None:
    hours = {
        MONDAY_NOON - timedelta(weeks=week) + step * HOUR: Hour(week) for week in range(1, 9) for step in (-1, 0, 1)
    }
    hours[MONDAY_NOON - DAY] = Hour(9_999)
    assert sorted(comparable_hours(hours, LONG_AGO, MONDAY_NOON)) == sorted([*range(1, 9)] * 3)


def test_a_young_key_is_compared_with_days_of_the_same_kind() -> None:
    friday, saturday = MONDAY_NOON - 3 * DAY, MONDAY_NOON - 2 * DAY
    hours = {friday: Hour(7), saturday: Hour(900)}
    counts = comparable_hours(hours, MONDAY_NOON - 7 * DAY, MONDAY_NOON)
    assert sum(counts) == 7
    # Five working days; on the first, the hour before noon precedes the key's creation.
    assert len(counts) == 5 * 3 - 1
    weekend = comparable_hours(hours, MONDAY_NOON - 7 * DAY, saturday + DAY)
    assert sum(weekend) == 900


def test_a_total_includes_the_first_hour_and_excludes_the_last() -> None:
    hours = {MONDAY_NOON: Hour(1, 1, 1), MONDAY_NOON + HOUR: Hour(2, 0, 5), MONDAY_NOON + 2 * HOUR: Hour(100, 100, 100)}
    assert total(hours, MONDAY_NOON, MONDAY_NOON + 2 * HOUR) == Hour(3, 1, 6)


@pytest.mark.parametrize(
    ("requests", "severity"), [(300, None), (301, "warning"), (999, "warning"), (1_000, "critical")]
)
def test_unusual_volume(requests: int, severity: str | None) -> None:
    hours = {**steady(100), MONDAY_NOON: Hour(requests)}
    found = unusual_volume(hours, LONG_AGO, MONDAY_NOON, DEFAULTS)
    assert (None if found is None else found.severity) == severity
    if found is not None:
        assert found.numbers == {
            "hour": "2026-06-01T12:00:00Z",
            "requests": requests,
            "usual": 100,
            "deviation": 10.0,
            "limit": 300.0,
            "hours_compared": 24,
        }


def test_few_requests_or_too_little_history_are_never_unusual() -> None:
    once = {MONDAY_NOON - 30 * DAY: Hour(1)}
    assert unusual_volume({**once, MONDAY_NOON: Hour(49)}, LONG_AGO, MONDAY_NOON, DEFAULTS) is None
    assert unusual_volume({**once, MONDAY_NOON: Hour(50)}, LONG_AGO, MONDAY_NOON, DEFAULTS) is not None
    assert unusual_volume({MONDAY_NOON: Hour(5_000)}, MONDAY_NOON - 20 * HOUR, MONDAY_NOON, DEFAULTS) is None
    assert unusual_volume({}, LONG_AGO, MONDAY_NOON, DEFAULTS) is None


def test_the_time_before_the_first_use_is_not_part_of_the_baseline() -> None:
    for first in (MONDAY_NOON, MONDAY_NOON - HOUR, MONDAY_NOON - DAY):
        hours = {first: Hour(40), MONDAY_NOON: Hour(5_000)}
        assert unusual_volume(hours, LONG_AGO, MONDAY_NOON, DEFAULTS) is None
    assert unusual_volume({MONDAY_NOON - HOUR: Hour(0, denied=90)}, LONG_AGO, MONDAY_NOON, DEFAULTS) is None


@pytest.mark.parametrize(("requests", "severity"), [(50, "warning"), (166, "warning"), (167, "critical")])
def test_the_smallest_reported_volume_of_a_quiet_key_is_not_critical(requests: int, severity: str) -> None:
    hours = {MONDAY_NOON - 50 * DAY: Hour(1), MONDAY_NOON: Hour(requests)}
    found = unusual_volume(hours, LONG_AGO, MONDAY_NOON, DEFAULTS)
    assert found is not None
    assert (found.severity, found.numbers["usual"]) == (severity, 0)


@pytest.mark.parametrize("errors", [1, 2])
def test_one_or_two_failed_calls_are_not_a_spike_at_any_threshold(errors: int) -> None:
    sensitive = replace(DEFAULTS, errors_requests_min=1, errors_rate_min=0.0)
    assert error_spike({MONDAY_NOON: Hour(errors, errors)}, MONDAY_NOON, sensitive) is None
    assert error_spike({MONDAY_NOON: Hour(3, 3)}, MONDAY_NOON, sensitive) is not None


def test_an_organization_can_set_its_own_thresholds() -> None:
    hours = {**steady(100), MONDAY_NOON: Hour(301)}
    tolerant = replace(DEFAULTS, volume_ratio=5.0)
    assert unusual_volume(hours, LONG_AGO, MONDAY_NOON, tolerant) is None


def test_error_spike() -> None:
    hours = {**steady(100, errors=1), MONDAY_NOON: Hour(100, errors=40)}
    found = error_spike(hours, MONDAY_NOON, DEFAULTS)
    assert found is not None
    assert (found.type, found.severity) == ("api_key.error_spike", "warning")
    assert {name: found.numbers[name] for name in ("requests", "errors", "rate", "usual_rate", "limit")} == {
        "requests": 100,
        "errors": 40,
        "rate": 0.4,
        "usual_rate": 0.01,
        "limit": 0.1,
    }
    assert error_spike({**steady(100, 1), MONDAY_NOON: Hour(100, 60)}, MONDAY_NOON, DEFAULTS) == replace(
        found,
        severity="critical",
        numbers={**found.numbers, "errors": 60, "rate": 0.6, "rate_at_least": round(wilson_bounds(60, 100, 3)[0], 4)},
    )


@pytest.mark.parametrize(
    ("usual", "hour"),
    [
        (1, Hour(19, 19)),  # too few requests
        (1, Hour(100, 15)),  # the lower bound is not above 10 %
        (20, Hour(100, 40)),  # errors are usual for this key
        (0, Hour()),
    ],
)
def test_no_error_spike(usual: int, hour: Hour) -> None:
    assert error_spike({**steady(100, usual), MONDAY_NOON: hour}, MONDAY_NOON, DEFAULTS) is None


def test_a_key_without_history_can_have_an_error_spike() -> None:
    assert error_spike({MONDAY_NOON: Hour(50, 45)}, MONDAY_NOON, DEFAULTS) is not None


@pytest.mark.parametrize(
    ("known", "place", "age", "expected"),
    [
        ({"DE"}, "KP", 7 * DAY, True),
        ({"DE"}, "KP", 7 * DAY - HOUR, False),
        ({"DE", "KP"}, "KP", 70 * DAY, False),
        (set[str](), "KP", 70 * DAY, False),
    ],
)
def test_new_location(known: set[str], place: str, age: timedelta, expected: bool) -> None:  # noqa: FBT001
    found = new_location(known, place, MONDAY_NOON - age, MONDAY_NOON, DEFAULTS)
    assert (found is not None) == expected
    if found is not None:
        assert found == Finding(
            "location", "api_key.new_location", "warning", {"place": "KP", "known_places": 1, "learning_days": 7}
        )


def test_dormant_used() -> None:
    assert dormant_used(MONDAY_NOON - 60 * DAY + HOUR, MONDAY_NOON, DEFAULTS) is None
    found = dormant_used(MONDAY_NOON - 61 * DAY, MONDAY_NOON, DEFAULTS)
    numbers: dict[str, Number] = {"unused_days": 61, "last_used": "2026-04-01T12:00:00Z", "limit_days": 60}
    assert found == Finding("dormant", "api_key.dormant_used", "warning", numbers)


def test_denied_burst() -> None:
    assert denied_burst({"revoked_key": 12, "ip_not_permitted": 7}, DEFAULTS) is None
    found = denied_burst({"revoked_key": 8, "ip_not_permitted": 12}, DEFAULTS)
    numbers: dict[str, Number] = {"denied": 20, "most_frequent_reason": "ip_not_permitted", "minutes": 10, "limit": 20}
    assert found == Finding("denied", "api_key.denied_burst", "warning", numbers)
    # Rate-limited callers already receive that response.
    assert denied_burst({"rate_limited": 5_000, "quota_exceeded": 5_000}, DEFAULTS) is None


def test_an_ended_secret_used_more_than_once_raises_an_alert() -> None:
    assert secret_over_used({"ip_not_permitted": 9, "disabled_key": 3}, DEFAULTS) is None
    assert secret_over_used({"revoked_key": 1, "ip_not_permitted": 9}, DEFAULTS) is None
    found = secret_over_used({"revoked_key": 2}, DEFAULTS)
    assert found == Finding(
        "revoked_secret",
        "api_key.denied_burst",
        "warning",
        {"denied": 2, "most_frequent_reason": "revoked_key", "minutes": 10, "limit": 2},
    )


def test_many_unknown_keys_from_one_address() -> None:
    assert unknown_keys("192.0.2.1", 19, DEFAULTS) is None
    found = unknown_keys("192.0.2.1", 20, DEFAULTS)
    assert found is not None
    assert (found.severity, found.numbers["address"], found.numbers["denied"]) == ("critical", "192.0.2.1", 20)


def test_an_hour_can_trigger_two_rules() -> None:
    hours = {**steady(100), MONDAY_NOON: Hour(1_000, 900)}
    findings = list(evaluate_hour(hours, LONG_AGO, MONDAY_NOON, DEFAULTS))
    assert [found.type for found in findings] == ["api_key.unusual_volume", "api_key.error_spike"]
    assert list(evaluate_hour(steady(100), LONG_AGO, MONDAY_NOON, DEFAULTS)) == []


def test_a_rule_triggers_once_per_cooldown() -> None:
    (found,) = evaluate_hour({**steady(100), MONDAY_NOON: Hour(1_000)}, LONG_AGO, MONDAY_NOON, DEFAULTS)
    assert not in_cooldown({}, found, MONDAY_NOON, DEFAULTS)
    assert not in_cooldown({"errors": MONDAY_NOON}, found, MONDAY_NOON, DEFAULTS)
    assert in_cooldown({"volume": MONDAY_NOON - 23 * HOUR}, found, MONDAY_NOON, DEFAULTS)
    assert not in_cooldown({"volume": MONDAY_NOON - 24 * HOUR}, found, MONDAY_NOON, DEFAULTS)
