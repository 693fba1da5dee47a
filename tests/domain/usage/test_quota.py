from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from domain.environment import Environment
from domain.keys.decider import KEY
from domain.keys.state import Active, Key
from domain.usage.events import Action
from domain.usage.quota import Quota, is_billed, month_of, next_month
from tests.domain.sample import CREATED, NOW


def key(environment: Environment) -> Key:
    state = KEY.fold([replace(CREATED, environment=environment)])
    assert isinstance(state, Active)
    return state.key


@pytest.mark.parametrize("action", ["verify", "check", "call"])
def test_uses_of_live_keys_are_billed_and_those_of_test_keys_are_not(action: Action) -> None:
    assert is_billed(action, key("live"))
    assert not is_billed(action, key("test"))


def test_management_is_not_billed() -> None:
    assert not is_billed("manage", key("live"))


@pytest.mark.parametrize(("used", "remaining"), [(0, 10), (9, 1), (10, 0), (12, 0)])
def test_the_remaining_quota_is_never_negative(used: int, remaining: int) -> None:
    assert Quota("free", 10, used, NOW).remaining == remaining


@pytest.mark.parametrize(
    ("at", "month", "following"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC), date(2026, 2, 1), datetime(2026, 3, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), date(2026, 12, 1), datetime(2027, 1, 1, tzinfo=UTC)),
        # In Auckland it is already the next year, but not in UTC.
        (
            datetime(2027, 1, 1, 5, tzinfo=timezone(timedelta(hours=13))),
            date(2026, 12, 1),
            datetime(2027, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_month_is_a_calendar_month_in_utc(at: datetime, month: date, following: datetime) -> None:
    assert month_of(at) == month
    assert next_month(at) == following
