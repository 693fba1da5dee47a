"""Plans of this installation: the default plans with the overrides in KEYLEDGER_PLANS."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict, replace

from domain.plans.plan import PLANS, PlanName, Plans

Limit = Annotated[int, Meta(ge=0)] | UnsetType | None


class PlanOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one plan that differ from the default. null: no limit."""

    api_keys: Limit = UNSET
    mcps: Limit = UNSET
    team_members: Limit = UNSET
    monthly_requests: Limit = UNSET
    requests_per_second: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET
    usage_days: Annotated[int, Meta(ge=1, le=36_500)] | UnsetType | None = UNSET


def apply_overrides(text: str) -> Plans:
    """Return the plans that `text` describes, or raise `ValueError` with the problem.

    `text` is JSON such as `{"free": {"api_keys": 5}}`.
    """
    changed = msgspec.json.decode(text or "{}", type=dict[PlanName, PlanOverride])
    given = {
        name: {limit: value for limit, value in asdict(limits).items() if value is not UNSET}
        for name, limits in changed.items()
    }
    return {name: replace(limits, **given.get(name, {})) for name, limits in PLANS.items()}
