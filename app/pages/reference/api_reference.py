"""GET /schema: show the API reference, to signed-in users with the menu of the dashboard."""

from litestar import Response

from app.handlers import HttpRequest, HttpResponse
from app.pages.fields import Fields
from app.pages.rendering import PAGE_HEADERS
from app.pages.session.visitor import current_session
from app.pages.visit import Visit
from app.route import Route


@Route(
    "GET",
    "/schema",
    access="anyone",
    tag="Service",
    summary="Read the API reference",
    description="An HTML page without external resources. Without a session, it has no scripts.",
    media_type="text/html; charset=utf-8",
)
async def get_api_reference(request: HttpRequest) -> HttpResponse:
    description, visitor = request.app.state.description, await current_session(request)
    if visitor is None:
        return Response(description.page, headers=PAGE_HEADERS, media_type="text/html")
    visit = Visit(request, *visitor, Fields())
    page = await visit.page("reference_in_frame.html", **description.reference._asdict())
    return Response(page.content.encode(), headers=page.headers, media_type="text/html")
