"""How many accepted presentations a second: of an organization, after its plan, and of a key, after its own limit.

What counts where. The uses of an organization (verify, check, call) are counted together, and apart from them its
management: whoever floods the one does not stand in the way of the other, so that a leaked key at the limit can still
be revoked. A key with a limit of its own is counted by it whatever it is presented for, asking about other keys
included. A verification counts once against the organization: as a use of the key that is asked about. What is
denied counts nowhere, or a stranger with a revoked key could use up the limit of its organization.
"""

from msgspec import Struct

from domain.keys.state import Key
from domain.plans.plan import Limits
from domain.usage.events import Action

_BURST_AT_LEAST = 10


class Rate(Struct, frozen=True):
    """`per_second` presentations a second, evenly, and at most `burst` at once. Those of one `cell` count together."""

    bucket: str
    per_second: int
    burst: int


def key_rates(key: Key) -> tuple[Rate, ...]:
    """The limit that the key itself has, if it has one."""
    if key.rate_limit is None:
        return ()
    per_second = key.rate_limit.per_second
    return (Rate(key.id, per_second, burst_of(per_second)),)


def organization_rates(organization_id: str, action: Action, limits: Limits) -> tuple[Rate, ...]:
    """The limit of the plan that presentations for `action` count against; none for a plan without one."""
    per_second = limits.requests_per_second
    if per_second is None:
        return ()
    if action == "manage":
        # A whole second's worth: people and scripts manage in spurts.
        return (Rate(f"{organization_id}:manage", per_second, per_second),)
    return (Rate(f"{organization_id}:uses", per_second, burst_of(per_second)),)


def burst_of(per_second: int) -> int:
    """A quarter of a second's worth, so that ten seconds let through no more than 1.025 times ten seconds' worth.

    Small limits have ten at once, or all of a second: an agent that starts asks for a few things together.
    """
    return max(per_second // 4, min(per_second, _BURST_AT_LEAST))
