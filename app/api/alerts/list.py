"""GET /v1/alerts: list the alerts of the organization, newest first."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api.alerts.schemas import ALERT_EXAMPLE, Alert, names_in, to_alert
from app.api.schemas import IdFilter
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import OFFSET_MAX, PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from domain.alerts.events import AlertType, Severity
from projections.read_models.alerts.list.queries import Filters, Status, alerts, count


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    type: Annotated[AlertType, Meta(description="The type of the alert.")] | None = None
    status: Annotated[Status, Meta(description="Whether the alert has been acknowledged.")] | None = None
    key_id: Annotated[IdFilter, Meta(description="The id of the key that the alert is about.")] | None = None
    severity: Annotated[Severity, Meta(description="The severity of the alert.")] | None = None
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@Route(
    "GET",
    "/v1/alerts",
    access="alerts:read",
    tag="Alerts",
    summary="List alerts",
    description="Newest first. Counting stops at 10,000 alerts: `total_exact` is then false. Page numbers reach the "
    "first 10,000 alerts, cursors reach all of them.",
    example=ALERT_EXAMPLE,
)
async def list_alerts(request: HttpRequest, query: Query) -> ListResponse[Alert]:
    services = get_services(request)
    organization_id = request.auth.organization_id
    filters = Filters(type=query.type, severity=query.severity, key_id=query.key_id, status=query.status)
    page = Page(request, query, f"alerts {organization_id} {filters}")
    async with services.read_transaction(organization_id) as connection:
        total = await count(connection, organization_id, filters, OFFSET_MAX + 1)
        found = await alerts(
            connection,
            organization_id,
            filters,
            limit=page.limit,
            after=page.after,
            offset=page.offset_within(total),
        )
        names = await names_in(connection, page.rows(found), request.auth)
    return page.respond(
        found,
        lambda state: to_alert(state, names),
        lambda state: (state.alert.raised_at, state.alert.id),
        total=min(total, OFFSET_MAX),
        exact=total <= OFFSET_MAX,
    )
