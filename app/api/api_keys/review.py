"""GET /v1/api-keys/review: count the active keys that could be tighter."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct, structs

from app.api.api_keys.visibility import restrict_to_visible
from app.api.schemas import Count
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from infrastructure.clock import now
from projections.read_models.keys.list.filters import Filters
from projections.read_models.keys.list.search import count_up_to

COUNTED_MAX = 1_000
UNUSED_DAYS = 90
NEVER_USED_DAYS = 7

_CRITERIA: Mapping[str, Mapping[str, object]] = {
    "never_expire": {"never_expires": True},
    "unused": {"unused_for_days": UNUSED_DAYS},
    "never_used": {"never_used_for_days": NEVER_USED_DAYS},
    "all_mcps": {"all_mcps": True},
    "open_managers": {"open_grant": "keys:write"},
}
"""Filters of the key list by the fields of `KeyReview`."""


class ReviewedKeys(Struct, frozen=True):
    """A number of keys. Not `exact`: there are at least so many."""

    keys: Count
    exact: bool


class KeyReview(Struct, frozen=True, kw_only=True):
    """Numbers of active keys. A key can be in several of them."""

    never_expire: Annotated[ReviewedKeys, Meta(description="Keys without an expiry date: `expires=never`.")]
    unused: Annotated[
        ReviewedKeys, Meta(description=f"Keys not used for {UNUSED_DAYS} days: `unused_for_days={UNUSED_DAYS}`.")
    ]
    never_used: Annotated[
        ReviewedKeys,
        Meta(
            description=f"Keys created at least {NEVER_USED_DAYS} days ago and never used: "
            f"`never_used_for_days={NEVER_USED_DAYS}`."
        ),
    ]
    all_mcps: Annotated[ReviewedKeys, Meta(description="Keys that reach all MCP servers: `mcp_access=all`.")]
    open_managers: Annotated[
        ReviewedKeys,
        Meta(description="Keys that can change keys, from any IP address: `open_grant=keys:write`."),
    ]


@Route(
    "GET",
    "/v1/api-keys/review",
    access="keys:read",
    tag="Keys",
    summary="Count keys that could be tighter",
    description=f"Counts active keys. Counting may stop at {COUNTED_MAX:,} keys. The list of keys accepts the same "
    "criteria as filters, together with `status=active`.",
    example=KeyReview(
        never_expire=ReviewedKeys(3, exact=True),
        unused=ReviewedKeys(1, exact=True),
        never_used=ReviewedKeys(0, exact=True),
        all_mcps=ReviewedKeys(2, exact=True),
        open_managers=ReviewedKeys(0, exact=True),
    ),
)
async def review_keys(request: HttpRequest) -> Success[KeyReview]:
    organization_id, at = request.auth.organization_id, now()
    active = restrict_to_visible(request.auth, Filters(organization_id=organization_id, status="active"))
    async with get_services(request).read_transaction(organization_id) as connection:
        counts = {
            name: ReviewedKeys(*await count_up_to(connection, structs.replace(active, **criteria), at, COUNTED_MAX))
            for name, criteria in _CRITERIA.items()
        }
    return success(KeyReview(**counts))
