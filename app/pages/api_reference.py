"""GET /schema and /schema/style.css: show the API reference, without scripts or external resources."""

from pathlib import Path

from litestar import Response, get

from app.handlers import Empty, HttpRequest, HttpResponse, parse_query
from app.pages.rendering import POLICY

_STYLE = (Path(__file__).parent / "static/reference.css").read_bytes()


@get("/schema", access="anyone")
async def reference(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    headers = {"Content-Security-Policy": POLICY}
    return Response(request.app.state.description.page, headers=headers, media_type="text/html")


@get("/schema/style.css", access="anyone")
async def reference_style(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    return Response(_STYLE, media_type="text/css")
