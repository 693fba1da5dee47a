"""GET /schema and /schema/style.css: this API for people, without a script and without anything from elsewhere."""

from pathlib import Path

from litestar import Response, get

from app.pages.rendering import POLICY
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of

_STYLE = (Path(__file__).parents[2] / "pages/static/reference.css").read_bytes()


@get("/schema", public=True)
async def reference(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    headers = {"Content-Security-Policy": POLICY}
    return Response(request.app.state.description.page, headers=headers, media_type="text/html")


@get("/schema/style.css", public=True)
async def reference_style(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    return Response(_STYLE, media_type="text/css")
