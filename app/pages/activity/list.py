"""GET /activity: the uses of all keys of the organization, with filters, and a tail that follows them."""

from asyncio import gather

from app.api.activity.key_use import KeyUse
from app.api.activity.list import list_activity
from app.api.mcps.list import list_mcps
from app.api.mcps.schemas import Mcp
from app.http.errors import to_problem
from app.http.pagination import Pagination
from app.pages.activity.filters import OUTCOMES, PATH, REASONS, Filters, applied, link
from app.pages.activity_table import activity_rows, reason_text
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.route_calls import ListPage
from app.pages.visit import Visit
from app.pages.words import USES
from projections.log_queries.activity.queries import SCAN_MAX

PER_PAGE = 50
_SERVERS_MAX = 100


@Page("GET", PATH, access="audit:read")
async def activity_page(visit: Visit) -> PageResponse:
    filters = page_query(visit.request, Filters)
    servers, (listed, errors) = await gather(
        visit.read_list(list_mcps, Mcp, {"per_page": _SERVERS_MAX}), _listed(visit, filters)
    )
    names = {server.id: server.name for server in servers.data}
    pagination, given = listed.pagination, filters.given()
    reasons = [*REASONS, *([filters.reason] if filters.reason and filters.reason not in REASONS else [])]
    return await visit.page(
        "activity/list.html",
        status=422 if errors else 200,
        query=filters,
        errors=errors,
        rows=activity_rows(listed.data),
        applied=applied(filters, names),
        outcomes=list(OUTCOMES.items()),
        actions=list(USES.items()),
        reasons=[(code, reason_text(code)) for code in reasons],
        mcps=sorted(names.items(), key=lambda each: each[1].casefold()),
        scan_max=SCAN_MAX,
        searched_to=pagination.searched_to or None,
        older=None if pagination.next_cursor is None else link(PATH, {**given, "cursor": pagination.next_cursor}),
        newest=link(PATH, given),
        tail=link(f"{PATH}/tail", given),
        after=pagination.next_after or "",
    )


async def _listed(visit: Visit, filters: Filters) -> tuple[ListPage[KeyUse], dict[str, str]]:
    """Return the page of uses, or none and a message for each filter that cannot be read."""
    try:
        parameters = {**filters.to_api(), "cursor": filters.cursor or None, "per_page": PER_PAGE}
        return await visit.read_list(list_activity, KeyUse, parameters), {}
    except Exception as error:
        problem = to_problem(error)
        if problem.code != "validation_error" or "cursor" in problem.details:
            raise
        nothing = Pagination(page=None, per_page=PER_PAGE, total=None, total_pages=None, next_cursor=None)
        return ListPage([], nothing), {name: str(message) for name, message in problem.details.items()}
