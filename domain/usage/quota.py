"""The monthly quota of an organization: which uses count, how many are left, when it begins anew.

A month is a calendar month in UTC.
"""

from datetime import UTC, date, datetime

from msgspec import Struct

from domain.keys.state import Key
from domain.plans.plan import PlanName
from domain.usage.events import Action


class Quota(Struct, frozen=True):
    """Of `limit` billed uses a month `used` are used up; `resets_at` is the beginning of the next month."""

    plan: PlanName
    limit: int
    used: int
    resets_at: datetime

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


def is_billed(action: Action, key: Key) -> bool:
    """Whether an accepted use counts: test keys and management do not."""
    return action != "manage" and key.environment == "live"


def month_of(at: datetime) -> date:
    """The first day of the month that `at` lies in."""
    return at.astimezone(UTC).date().replace(day=1)


def next_month(at: datetime) -> datetime:
    """The instant at which the month of `at` is over."""
    month = month_of(at)
    year, number = (month.year + 1, 1) if month.month == 12 else (month.year, month.month + 1)  # noqa: PLR2004
    return datetime(year, number, 1, tzinfo=UTC)
