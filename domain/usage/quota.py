"""The monthly quota of an organization: billed uses, remaining uses, and the time of the reset.

A month is a calendar month in UTC.
"""

from datetime import UTC, date, datetime

from msgspec import Struct

from domain.keys.state import Key
from domain.plans.plan import PlanName
from domain.usage.events import Action


class Quota(Struct, frozen=True):
    """The quota: `used` of `limit` billed uses in this month. `resets_at` is the start of the next month."""

    plan: PlanName
    limit: int
    used: int
    resets_at: datetime

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


def is_billed(action: Action, key: Key) -> bool:
    """Return whether an accepted use counts. Uses of test keys and management calls do not."""
    return action != "manage" and key.environment == "live"


def month_of(at: datetime) -> date:
    """Return the first day of the month of `at`."""
    return at.astimezone(UTC).date().replace(day=1)


def next_month(at: datetime) -> datetime:
    """Return the instant at which the month of `at` ends."""
    month = month_of(at)
    year, number = (month.year + 1, 1) if month.month == 12 else (month.year, month.month + 1)  # noqa: PLR2004
    return datetime(year, number, 1, tzinfo=UTC)
