"""Pages rendered on the server: no script, every value escaped, one stylesheet of our own."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, get

from app.handlers import HttpRequest, raw_request
from app.http.error_catalogue import ERRORS
from app.http.errors import Problem, to_problem

PageResponse = Response[str]

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of pages: what every answer has, and our own stylesheet and forms."""

_REFERRER_POLICY = "strict-origin"
"""Never the path, in which a token may stand; but the origin: under "no-referrer" browsers send every form of the page
with `Origin: null` (Fetch §3.2.1), as if another site had made it."""

_FOLDER = Path(__file__).parent
_STYLES = (_FOLDER / "static" / "pages.css").read_text("utf-8")
_templates = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(template: str, **values: object) -> str:
    return _templates.get_template(template).render(values)


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: object) -> PageResponse:
    return Response(
        render(template, **values),
        status_code=status,
        media_type="text/html",
        headers={"Content-Security-Policy": POLICY, "Referrer-Policy": _REFERRER_POLICY, **(headers or {})},
    )


def go_to(path: str, headers: dict[str, str] | None = None) -> PageResponse:
    """See `path`, which is one of ours and never what a request says (303: with GET, whatever was asked)."""
    return Response("", status_code=303, media_type="text/html", headers={"Location": path, **(headers or {})})


def error_page(request: HttpRequest, error: Exception) -> PageResponse:
    """What went wrong, for people."""
    problem: Problem = to_problem(error)
    return page(
        "error.html",
        status=problem.status,
        headers=problem.headers,
        heading=ERRORS[problem.code].title,
        detail=problem.detail,
        messages=[f"{name}: {message}" for name, message in problem.details.items()],
        request_id=raw_request(request).request_id,
    )


AS_PAGE: dict[int | type[Exception], Any] = {Exception: error_page}
"""How handlers of pages say what went wrong."""


@get("/static/pages.css", public=True)
async def stylesheet() -> PageResponse:
    return Response(_STYLES, media_type="text/css")
