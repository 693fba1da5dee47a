"""GET /schema and /schema/style.css: show the API reference, without scripts or external resources."""

from pathlib import Path

from litestar import Response

from app.handlers import HttpRequest, HttpResponse
from app.pages.rendering import PAGE_HEADERS
from app.route import Route

_STYLE = (Path(__file__).parent / "static/reference.css").read_bytes()


@Route(
    "GET",
    "/schema",
    access="anyone",
    tag="Service",
    summary="Read the API reference",
    description="An HTML page without scripts and external resources.",
    media_type="text/html; charset=utf-8",
)
async def get_api_reference(request: HttpRequest) -> HttpResponse:
    return Response(request.app.state.description.page, headers=PAGE_HEADERS, media_type="text/html")


@Route(
    "GET",
    "/schema/style.css",
    access="anyone",
    tag="Service",
    summary="Get the style sheet of the reference",
    description="Used by the API reference and by the explanations of errors.",
    media_type="text/css; charset=utf-8",
)
async def get_reference_style(_request: HttpRequest) -> HttpResponse:
    return Response(_STYLE, media_type="text/css")
