"""30, 14, 7 and 1 days before the end, once each."""

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
def test_the_next_stage_lies_ahead(after: datetime, days: int) -> None:
    assert next_stage(END, after) == Stage(days, before(days))


@pytest.mark.parametrize("after", [before(1), before(0), END + timedelta(days=9)])
def test_after_the_last_stage_there_is_none(after: datetime) -> None:
    assert next_stage(END, after) is None


def test_without_an_end_there_is_nothing_to_tell() -> None:
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
def test_of_several_that_were_missed_the_last_is_told(now: datetime, days: int) -> None:
    assert latest_stage(END, now) == Stage(days, before(days))


@pytest.mark.parametrize("now", [NOW, before(30) - INSTANT, END, END + INSTANT])
def test_nothing_is_told_before_the_first_stage_and_after_the_end(now: datetime) -> None:
    assert latest_stage(END, now) is None


def test_each_stage_of_each_end_of_each_key_is_an_alert_of_its_own() -> None:
    told = [
        expiry_alert(key, ORGANIZATION_ID, end, Stage(days, end - timedelta(days=days)), NOW)
        for key in (KEY_ID, f"{KEY_ID[:-1]}0")
        for end in (END, END + INSTANT)
        for days in STAGES_DAYS
    ]
    assert len({alert.alert_id for alert in told}) == len(told) == 16
    again = expiry_alert(KEY_ID, ORGANIZATION_ID, END, Stage(30, before(30)), NOW + timedelta(days=3))
    assert again.alert_id == told[0].alert_id
    assert [alert.severity for alert in told[:4]] == ["info", "info", "warning", "critical"]
    assert told[0].numbers == {"days": 30, "expires_at": "2027-03-01T12:00:00Z"}


@given(st.lists(st.integers(0, 400 * 24), unique=True).map(sorted), st.integers(0, 365 * 24))
def test_whenever_a_worker_comes_by_no_stage_is_told_twice_and_none_that_it_could_tell_is_left_out(
    hours: list[int], set_at: int
) -> None:
    """As `workers/jobs/raise_expiry_alerts.py` goes about it, woken at `hours`."""
    start = NOW + timedelta(hours=set_at)
    due = next_stage(END, start)
    told: list[int] = []
    for hour in hours:
        now = NOW + timedelta(hours=hour)
        if due is None or now < due.at:
            continue
        stage = latest_stage(END, now)
        if stage is None:
            break
        told.append(stage.days)
        due = next_stage(END, now)
    assert told == sorted(set(told), reverse=True)
    for days in STAGES_DAYS:
        ends = before(max([0, *[d for d in STAGES_DAYS if d < days]]))
        came_by = any(before(days) <= NOW + timedelta(hours=hour) < ends for hour in hours)
        assert (days in told) == (came_by and before(days) > start)


def test_what_an_alert_told_of_can_be_read_from_it() -> None:
    end = END + INSTANT
    (event,) = decide(None, expiry_alert(KEY_ID, ORGANIZATION_ID, end, Stage(7, before(7)), NOW))
    assert isinstance(event, AlertRaised)
    assert expiry_in(event) == end
    assert expiry_in(replace(event, numbers={"days": 7})) is None
