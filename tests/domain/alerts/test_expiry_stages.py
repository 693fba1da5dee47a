"""Expiry alerts 30, 14, 7 and 1 days before a key expires, once each."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.alerts.decider import decide
from domain.alerts.events import AlertRaised
from domain.alerts.expiry_stages import STAGES_DAYS, Stage, expiry_alert, expiry_in, latest_stage, next_stage
from tests.domain.sample import KEY_ID, NOW, ORGANIZATION_ID

END = NOW + timedelta(days=365)
INSTANT = timedelta(microseconds=1)


def before(days: float) -> datetime:
    return END - timedelta(days=days)


@pytest.mark.parametrize(
    ("after", "days"),
    [(NOW, 30), (before(30) - INSTANT, 30), (before(30), 14), (before(14), 7), (before(7), 1), (before(1.5), 1)],
)
def test_the_next_stage_is_in_the_future(after: datetime, days: int) -> None:
    assert next_stage(END, after) == Stage(days, before(days))


@pytest.mark.parametrize("after", [before(1), before(0), END + timedelta(days=9)])
def test_there_is_no_next_stage_after_the_last_one(after: datetime) -> None:
    assert next_stage(END, after) is None


def test_a_key_without_expiry_has_no_stages() -> None:
    assert next_stage(None, NOW) is None


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (before(30), 30),
        (before(20), 30),
        (before(14), 14),
        (before(7), 7),
        (before(3), 7),
        (before(1), 1),
        (END - INSTANT, 1),
    ],
)
def test_only_the_latest_of_several_missed_stages_is_reported(now: datetime, days: int) -> None:
    assert latest_stage(END, now) == Stage(days, before(days))


@pytest.mark.parametrize("now", [NOW, before(30) - INSTANT, END, END + INSTANT])
def test_no_stage_is_reported_before_the_first_one_or_after_expiry(now: datetime) -> None:
    assert latest_stage(END, now) is None


def test_each_stage_of_each_expiry_of_each_key_is_a_separate_alert() -> None:
    alerts = [
        expiry_alert(key, ORGANIZATION_ID, end, Stage(days, end - timedelta(days=days)), NOW)
        for key in (KEY_ID, f"{KEY_ID[:-1]}0")
        for end in (END, END + INSTANT)
        for days in STAGES_DAYS
    ]
    assert len({alert.alert_id for alert in alerts}) == len(alerts) == 16
    again = expiry_alert(KEY_ID, ORGANIZATION_ID, END, Stage(30, before(30)), NOW + timedelta(days=3))
    assert again.alert_id == alerts[0].alert_id
    assert [alert.severity for alert in alerts[:4]] == ["info", "info", "warning", "critical"]
    assert alerts[0].numbers == {"days": 30, "expires_at": "2027-03-01T12:00:00Z"}


@given(st.lists(st.integers(0, 400 * 24), unique=True).map(sorted), st.integers(0, 365 * 24))
def test_no_stage_is_reported_twice_or_skipped_whenever_the_worker_runs(hours: list[int], set_at: int) -> None:
    """Follow `workers/jobs/raise_expiry_alerts.py`, run at `hours`."""
    start = NOW + timedelta(hours=set_at)
    due = next_stage(END, start)
    reported: list[int] = []
    for hour in hours:
        now = NOW + timedelta(hours=hour)
        if due is None or now < due.at:
            continue
        stage = latest_stage(END, now)
        if stage is None:
            break
        reported.append(stage.days)
        due = next_stage(END, now)
    assert reported == sorted(set(reported), reverse=True)
    for days in STAGES_DAYS:
        ends = before(max([0, *[d for d in STAGES_DAYS if d < days]]))
        worker_ran = any(before(days) <= NOW + timedelta(hours=hour) < ends for hour in hours)
        assert (days in reported) == (worker_ran and before(days) > start)


def test_the_expiry_is_read_back_from_its_alert() -> None:
    end = END + INSTANT
    (event,) = decide(None, expiry_alert(KEY_ID, ORGANIZATION_ID, end, Stage(7, before(7)), NOW))
    assert isinstance(event, AlertRaised)
    assert expiry_in(event) == end
    assert expiry_in(replace(event, numbers={"days": 7})) is None
