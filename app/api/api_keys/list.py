"""GET /v1/api-keys: the keys of the organization, filtered, sorted, paged."""

from typing import Annotated

from litestar import get
from msgspec import Meta, Struct, structs

from app.api.api_keys.own import seen_of
from app.api.api_keys.selectors import mcp_of
from app.api.api_keys.shape import key_shape
from app.api.paging import PER_PAGE_DEFAULT, PageNumber, PerPage, Position, link_next, opened, pagination
from app.problems import Problem
from app.requests import HttpRequest, HttpResponse, inbound_of, query_of, services_of, success
from domain.actor import UserActor
from domain.environment import Environment
from eventstore.clock import now
from projections.key_list.filters import Filters, Order, ReachedMcp, Sort, Status
from projections.key_list.found import Found, TooDeep, find
from projections.key_list.terms import folded
from projections.key_state.queries import decode
from projections.member_list.queries import emails
from projections.usage.queries import usage_of

Days = Annotated[int, Meta(ge=1, le=36_500)]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    status: Status | None = None
    environment: Environment | None = None
    mcp_id: Annotated[str, Meta(max_length=100)] | None = None
    created_by: Annotated[str, Meta(max_length=100)] | None = None
    expiring_within_days: Days | None = None
    unused_for_days: Days | None = None
    q: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    sort: Sort = "created_at"
    order: Order | None = None
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT

    def filters(self, organization_id: str, mcp: ReachedMcp | None) -> Filters:
        """422 for a search for blanks."""
        if self.q is not None and not folded(self.q):
            raise Problem("validation_error", "The request is not valid.", {"q": "Must not consist of blanks"})
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


@get("/v1/api-keys", grant="keys:read")
async def list_keys(request: HttpRequest) -> HttpResponse:
    query = query_of(request, Query)
    services, organization_id = services_of(request), request.auth.organization_id
    # Newest first, as people expect of a list, but names and dates to come in their natural order.
    order = query.order or ("asc" if query.sort in {"name", "expires_at"} else "desc")
    number = query.page or 1
    at = now()
    async with services.reading(organization_id) as connection:
        mcp = None if query.mcp_id is None else await mcp_of(connection, query.mcp_id, organization_id)
        filters = seen_of(request.auth, query.filters(organization_id, mcp))
        purpose = f"keys {filters} {query.sort} {order}"
        last = opened(services.cursors, query.cursor, query.page, purpose)
        after = None if last is None else (last.value, last.id)
        if query.mcp_id is not None and mcp is None:
            # No key reaches an MCP that the organization does not have, not even a key for all MCPs.
            listed, total, exact = Found([], 0, exact=True)
        else:
            try:
                listed, total, exact = await find(
                    connection,
                    filters,
                    at,
                    sort=query.sort,
                    order=order,
                    limit=query.per_page + 1,
                    offset=0 if after else (number - 1) * query.per_page,
                    after=after,
                )
            except TooDeep as error:
                raise Problem("validation_error", "The request is not valid.", {"page": str(error)}) from None
        shown = [decode(item.state) for item in listed[: query.per_page]]
        usage = await usage_of(connection, [state.key.id for state in shown], at)
        creators = {state.key.created_by for state in shown}
        addresses = await emails(connection, [c.id for c in creators if isinstance(c, UserActor)])
    cursor = None
    if len(listed) > query.per_page:
        cursor = services.cursors.encode(Position(listed[query.per_page - 1].value, shown[-1].key.id), purpose=purpose)
    return success(
        [key_shape(state, at, usage[state.key.id], addresses) for state in shown],
        headers=link_next(inbound_of(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(
            page=None if after else number, per_page=query.per_page, total=total, next_cursor=cursor, exact=exact
        ),
    )
