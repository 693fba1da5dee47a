"""GET /v1/api-keys: list the keys of the organization with filters, sorting and paging."""

from asyncio import gather
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.api_keys.schemas import KEY_EXAMPLE, Key, to_key
from app.api.api_keys.selectors import mcp_of
from app.api.api_keys.visibility import restrict_to_visible
from app.api.schemas import Count, IdFilter, McpId, Time
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.errors import invalid
from app.http.pagination import OFFSET_MAX, PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import OFFSET_TOO_LARGE, Page
from app.route import Route
from domain.environment import Environment
from domain.grants import Grant
from domain.keys.state import Existing, Expired, Revoked
from domain.usage.events import KeyUsed
from infrastructure.clock import now
from infrastructure.geoip import CountryOf
from projections.log_queries.last_uses.queries import last_uses
from projections.log_queries.names.queries import Names, names_of
from projections.read_models.keys.list.filters import Filters, Order, ReachedMcp, Sort, Status
from projections.read_models.keys.list.page import Position
from projections.read_models.keys.list.queries import used_versions
from projections.read_models.keys.list.search import CHECKED_MAX, OffsetTooLarge, SearchResult, search
from projections.read_models.keys.list.search_terms import folded
from projections.read_models.keys.state.queries import decode
from projections.read_models.usage.queries import earlier_secrets_last_used, requests_by_day, usage_of

Days = Annotated[int, Meta(ge=1, le=36_500)]
USAGE_DAYS_MAX = 31


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[Status, Meta(description="The status of the key.")] | None = None
    environment: Annotated[Environment, Meta(description="Live or test.")] | None = None
    mcp_id: (
        Annotated[
            IdFilter,
            Meta(
                description="Keys that reach this MCP server, including keys for all MCP servers of its environment. "
                "An unknown id matches no key."
            ),
        ]
        | None
    ) = None
    created_by: (
        Annotated[
            IdFilter,
            Meta(description="The id of the user or key that created the key. An unknown id matches no key."),
        ]
        | None
    ) = None
    expiring_within_days: Annotated[Days, Meta(description="Keys that expire within this number of days.")] | None = (
        None
    )
    unused_for_days: (
        Annotated[Days, Meta(description="Keys that have not been used for this number of days.")] | None
    ) = None
    never_used_for_days: (
        Annotated[Days, Meta(description="Keys that were created at least this number of days ago and never used.")]
        | None
    ) = None
    expires: Annotated[Literal["never"], Meta(description="Keys without an expiry date.")] | None = None
    mcp_access: (
        Annotated[Literal["all"], Meta(description="Keys that reach all MCP servers, including ones added later.")]
        | None
    ) = None
    rotation_ends_within_days: (
        Annotated[Days, Meta(description="Keys with an earlier secret that stops working within this number of days.")]
        | None
    ) = None
    open_grant: (
        Annotated[Grant, Meta(description="Keys with this management grant that any IP address may use.")] | None
    ) = None
    q: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=100,
                description="The start of a word in the name, or of the key's prefix. The search ignores case and the "
                "Unicode encoding of a letter. In scripts without spaces, such as Japanese, every letter starts a "
                "word.",
            ),
        ]
        | None
    ) = None
    usage_days: (
        Annotated[
            int,
            Meta(ge=1, le=USAGE_DAYS_MAX, description="Return `requests_by_day` for this number of days."),
        ]
        | None
    ) = None
    sort: Annotated[Sort, Meta(description="The field to sort by.")] = "created_at"
    order: (
        Annotated[Order, Meta(description="Default: ascending for names and expiry, otherwise descending.")] | None
    ) = None
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT

    def filters(self, organization_id: str, mcp: ReachedMcp | None) -> Filters:
        """Return the filters. Raise 422 for a search text that is blank."""
        if self.q is not None and not folded(self.q):
            raise invalid(q="Must not be blank")
        return Filters(
            organization_id=organization_id,
            status=self.status,
            environment=self.environment,
            mcp=mcp,
            created_by=self.created_by,
            expiring_within_days=self.expiring_within_days,
            unused_for_days=self.unused_for_days,
            never_used_for_days=self.never_used_for_days,
            never_expires=self.expires == "never",
            all_mcps=self.mcp_access == "all",
            rotation_ends_within_days=self.rotation_ends_within_days,
            open_grant=self.open_grant,
            q=self.q,
        )


class LastUse(Struct, frozen=True, kw_only=True):
    """The last accepted use of a key. The MCP server, its name and the country of `ip` are missing if unknown."""

    mcp_id: McpId | UnsetType = UNSET
    mcp_name: str | UnsetType = UNSET
    ip: str | None
    country: str | UnsetType = UNSET


class ListedKey(Key, frozen=True, kw_only=True):
    """A key in a list.

    `rotating_until`: when the last earlier secret stops working; null if only the current one is accepted. `last_use`
    is null if the key was last used to verify another key, or if its last use is older than the retention.
    """

    rotating_until: Time | None
    earlier_secret_last_used: Annotated[
        Time | None, Meta(description="The last use of an earlier secret during a rotation; null if there is none.")
    ]
    last_use: LastUse | None
    requests_by_day: (
        Annotated[
            list[Count],
            Meta(description="Accepted requests per UTC day, oldest first, with today last. Only with `usage_days`."),
        ]
        | UnsetType
    ) = UNSET


@Route(
    "GET",
    "/v1/api-keys",
    access="keys:read",
    tag="Keys",
    summary="List keys",
    description="A key must match all given filters. Counting stops at a maximum: `total` is then a minimum, and "
    "`total_exact` is false. Page numbers reach the first 10,000 keys, cursors reach all of them. A page ends when "
    f"{CHECKED_MAX:,} keys were checked for it: it then has fewer keys, or none, and `next_cursor` continues from "
    "there.",
    example=ListedKey(
        **structs.asdict(KEY_EXAMPLE),
        rotating_until=None,
        earlier_secret_last_used=None,
        last_use=LastUse(mcp_id=examples.MCP_ID, mcp_name="Wiki", ip="192.0.2.7"),
        requests_by_day=[0, 68, 12],
    ),
)
async def list_keys(request: HttpRequest, query: Query) -> ListResponse[ListedKey]:
    services, organization_id = get_services(request), request.auth.organization_id
    # Lists are newest first by default, but names and expiry dates are in ascending order.
    order = query.order or ("asc" if query.sort in {"name", "expires_at"} else "desc")
    at = now()
    async with services.read_transaction(organization_id) as connection:
        mcp = None if query.mcp_id is None else await mcp_of(connection, query.mcp_id, organization_id)
        filters = restrict_to_visible(request.auth, query.filters(organization_id, mcp))
        page = Page(request, query, f"keys {filters} {query.sort} {order}")
        if query.mcp_id is not None and mcp is None:
            # No key reaches an MCP that the organization does not have, not even a key for all MCPs.
            found = SearchResult([], 0, total_exact=True)
        else:
            try:
                found = await search(
                    connection,
                    filters,
                    at,
                    sort=query.sort,
                    order=order,
                    limit=page.limit,
                    offset=page.offset,
                    offset_max=OFFSET_MAX,
                    after=None if page.last is None else Position(page.last.value, page.last.id),
                )
            except OffsetTooLarge:
                raise invalid(page=OFFSET_TOO_LARGE) from None
        listed = [(item.value, decode(item.state)) for item in found.listed]
        states = [state for _, state in page.rows(listed)]
        key_ids = [state.key.id for state in states]
        earlier_versions = {
            state.key.id: [secret.version for secret in state.key.secrets[:-1] if secret.is_valid(at)]
            for state in states
            if _rotating_until(state, at) is not None
        }
        async with connection.pipeline():
            usage, by_day, ended, earlier = await gather(
                usage_of(connection, key_ids, at),
                requests_by_day(connection, key_ids, at, query.usage_days or 0),
                used_versions(connection, list(earlier_versions)),
                earlier_secrets_last_used(connection, earlier_versions),
            )
        uses = await last_uses(connection, {key_id: used.last_used for key_id, used in usage.items() if used.last_used})
        names = await names_of(
            connection,
            actors=[state.key.created_by for state in states],
            mcp_ids=[use.mcp_id for use in uses.values()],
            created_by=None,
        )

    def listed_key(state: Existing) -> ListedKey:
        key_id = state.key.id
        return ListedKey(
            **structs.asdict(to_key(state, at, usage[key_id], names)),
            rotating_until=_rotating_until(state, at, ended.get(key_id, 0)),
            earlier_secret_last_used=earlier.get(key_id),
            last_use=_last_use(uses, key_id, names, services.country_of),
            requests_by_day=UNSET if query.usage_days is None else by_day[key_id],
        )

    return page.respond(
        listed,
        lambda row: listed_key(row[1]),
        lambda row: (row[0], row[1].key.id),
        total=found.total,
        exact=found.total_exact,
        searched=found.searched,
    )


def _rotating_until(state: Existing, at: datetime, used_version: int = 0) -> datetime | None:
    """Return when the last earlier secret stops working. The use of `used_version` has ended those before it."""
    if isinstance(state, Revoked | Expired) or state.key.has_expired(at):
        return None
    ends = [
        secret.valid_until
        for secret in state.key.secrets
        if secret.valid_until is not None and secret.is_valid(at) and secret.version >= used_version
    ]
    if not ends:
        return None
    return max(ends) if state.key.expires_at is None else min(max(ends), state.key.expires_at)


def _last_use(uses: Mapping[str, KeyUsed], key_id: str, names: Names, country_of: CountryOf) -> LastUse | None:
    use = uses.get(key_id)
    if use is None:
        return None
    country = None if use.ip is None else country_of(use.ip)
    return LastUse(
        mcp_id=UNSET if use.mcp_id is None else use.mcp_id,
        mcp_name=UNSET if use.mcp_id is None else names.mcps.get(use.mcp_id, UNSET),
        ip=use.ip,
        country=UNSET if country is None else country,
    )
