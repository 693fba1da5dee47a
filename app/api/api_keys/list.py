"""GET /v1/api-keys: list the keys of the organization with filters, sorting and paging."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api.api_keys.schemas import KEY_EXAMPLE, Key, to_key
from app.api.api_keys.selectors import mcp_of
from app.api.api_keys.visibility import restrict_to_visible
from app.api.schemas import IdFilter
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.errors import invalid
from app.http.pagination import OFFSET_MAX, PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import OFFSET_TOO_LARGE, Page
from app.route import Route
from domain.environment import Environment
from infrastructure.clock import now
from projections.log_queries.names.queries import names_of
from projections.read_models.keys.list.filters import Filters, Order, ReachedMcp, Sort, Status
from projections.read_models.keys.list.search import OffsetTooLarge, SearchResult, search
from projections.read_models.keys.list.search_terms import folded
from projections.read_models.keys.state.queries import decode
from projections.read_models.usage.queries import usage_of

Days = Annotated[int, Meta(ge=1, le=36_500)]


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
            q=self.q,
        )


@Route(
    "GET",
    "/v1/api-keys",
    access="keys:read",
    tag="Keys",
    summary="List keys",
    description="A key must match all given filters. Counting stops at a maximum: `total` is then a minimum, and "
    "`total_exact` is false. Page numbers reach the first 10,000 keys, cursors reach all of them.",
    example=KEY_EXAMPLE,
)
async def list_keys(request: HttpRequest, query: Query) -> ListResponse[Key]:
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
            listed, total, exact = SearchResult([], 0, total_exact=True)
        else:
            try:
                listed, total, exact = await search(
                    connection,
                    filters,
                    at,
                    sort=query.sort,
                    order=order,
                    limit=page.limit,
                    offset=page.offset,
                    offset_max=OFFSET_MAX,
                    after=None if page.last is None else (page.last.value, page.last.id),
                )
            except OffsetTooLarge:
                raise invalid(page=OFFSET_TOO_LARGE) from None
        found = [(item.value, decode(item.state)) for item in listed]
        keys = [state.key for _, state in page.rows(found)]
        usage = await usage_of(connection, [key.id for key in keys], at)
        names = await names_of(connection, actors=[key.created_by for key in keys], created_by=None)
    return page.respond(
        found,
        lambda row: to_key(row[1], at, usage[row[1].key.id], names),
        lambda row: (row[0], row[1].key.id),
        total=total,
        exact=exact,
    )
