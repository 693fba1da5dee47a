"""Rate limits on accepted presentations: those of an organization's plan and those of a key.

The uses of an organization (verify, check, call) are counted together. Its management calls are counted separately, so
that a flood of uses cannot block management: a leaked key at the limit can still be revoked. A key with its own limit
is counted for every presentation, including the verification of other keys. A verification counts once against the
organization, as a use of the verified key. Denied presentations do not count; otherwise an attacker with a revoked key
could exhaust the limit of its organization.
"""

from msgspec import Struct

from domain.keys.state import Key
from domain.plans.plan import Limits
from domain.usage.events import Action

_BURST_MIN = 10


class Rate(Struct, frozen=True):
    """A limit of `per_second` evenly spread presentations, at most `burst` together, counted in `bucket`."""

    bucket: str
    per_second: int
    burst: int


def key_rates(key: Key) -> tuple[Rate, ...]:
    """Return the key's own limit, if it has one."""
    if key.rate_limit is None:
        return ()
    per_second = key.rate_limit.per_second
    return (Rate(key.id, per_second, burst_of(per_second)),)


def organization_rates(organization_id: str, action: Action, limits: Limits) -> tuple[Rate, ...]:
    """Return the limit of the plan that applies to `action`, or none for a plan without a limit."""
    per_second = limits.requests_per_second
    if per_second is None:
        return ()
    if action == "manage":
        # Allow a whole second's worth, because people and scripts manage in bursts.
        return (Rate(f"{organization_id}:manage", per_second, per_second),)
    return (Rate(f"{organization_id}:uses", per_second, burst_of(per_second)),)


def burst_of(per_second: int) -> int:
    """Return a quarter of a second's worth, which limits ten seconds to 1.025 times their nominal total.

    The minimum is ten, or a full second's worth of a smaller limit, because an agent starts with several requests at
    the same time.
    """
    return max(per_second // 4, min(per_second, _BURST_MIN))
