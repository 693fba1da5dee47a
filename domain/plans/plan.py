"""Plans, and how much of them an organization uses."""

from typing import Literal, get_args

from msgspec import Struct

PlanName = Literal["free", "pro", "team", "enterprise"]
PLAN_NAMES: tuple[PlanName, ...] = get_args(PlanName)


class Limits(Struct, frozen=True):
    """None: no limit. Counts of things, calls a calendar month (UTC), calls a second.

    `usage_days`: for how long each use is kept at least; None: for ever. The counts that are made of uses stay.
    """

    api_keys: int | None
    mcps: int | None
    team_members: int | None
    monthly_requests: int | None
    requests_per_second: int | None
    usage_days: int | None = None


Plans = dict[PlanName, Limits]

PLANS: Plans = {
    "free": Limits(2, 5, 1, 1_000, 10, 90),
    "pro": Limits(10, 15, 5, 50_000, 100, 400),
    "team": Limits(None, None, None, 500_000, 1_000, 400),
    "enterprise": Limits(None, None, None, None, None),
}


def usage_days(plans: Plans) -> int | None:
    """For how long a use is kept when it is not known whose it is: as long as any plan promises."""
    kept = [limits.usage_days for limits in plans.values()]
    return None if None in kept else max(days for days in kept if days is not None)


class McpCounts(Struct, frozen=True):
    """How many MCPs an organization has at this moment, read under the lock of its guard row."""

    used: int
    limit: int | None
    plan: PlanName


class MemberCounts(Struct, frozen=True):
    """How many people an organization has at this moment, read under the lock of its guard row.

    Who is invited does not count before they accept.
    """

    used: int
    limit: int | None
    plan: PlanName

    @property
    def full(self) -> bool:
        return self.limit is not None and self.used >= self.limit


class KeyCounts(Struct, frozen=True):
    """The keys that an organization has at this moment, read under the lock of its guard row.

    Only active and disabled keys count towards `limit` (None: no limit).
    """

    active: int
    disabled: int
    limit: int | None
    plan: PlanName

    @property
    def used(self) -> int:
        return self.active + self.disabled
