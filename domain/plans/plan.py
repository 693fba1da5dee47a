"""Plans, and the resources of an organization that count towards them."""

from typing import Literal, get_args

from msgspec import Struct

PlanName = Literal["free", "pro", "team", "enterprise"]
PLAN_NAMES: tuple[PlanName, ...] = get_args(PlanName)


class Limits(Struct, frozen=True):
    """Limits of a plan: numbers of resources, calls a calendar month (UTC), calls a second. None: no limit.

    `usage_days`: the minimum number of days for which each use is kept; None: permanently. Counts that are computed
    from uses are never removed.
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
    """Return the number of days for uses of an unknown organization: the longest that any plan promises."""
    kept = [limits.usage_days for limits in plans.values()]
    return None if None in kept else max(days for days in kept if days is not None)


class McpCounts(Struct, frozen=True):
    """Number of MCPs of an organization at this moment, read under the lock of its guard row."""

    used: int
    limit: int | None
    plan: PlanName


class MemberCounts(Struct, frozen=True):
    """Number of members of an organization at this moment, read under the lock of its guard row.

    An invited person does not count before accepting the invitation.
    """

    used: int
    limit: int | None
    plan: PlanName

    @property
    def full(self) -> bool:
        return self.limit is not None and self.used >= self.limit


class KeyCounts(Struct, frozen=True):
    """Keys of an organization at this moment, read under the lock of its guard row.

    Only active and disabled keys count towards `limit` (None: no limit).
    """

    active: int
    disabled: int
    limit: int | None
    plan: PlanName

    @property
    def used(self) -> int:
        return self.active + self.disabled
