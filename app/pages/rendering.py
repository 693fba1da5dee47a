"""Server-rendered pages: no scripts, every value escaped, one local stylesheet."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, get

from app.handlers import HttpRequest, raw_request
from app.http.error_catalogue import ERRORS
from app.http.errors import Problem, to_problem

PageResponse = Response[str]

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of pages: that of all responses, plus the local stylesheet and forms."""

_REFERRER_POLICY = "strict-origin"
"""Never send the path, which may contain a token, but send the origin.

Under "no-referrer", browsers send every form of the page with `Origin: null` (Fetch §3.2.1), as if another site had
made it.
"""

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
    """Redirect to `path` with 303, so the browser uses GET. `path` is a constant and never part of a request."""
    return Response("", status_code=303, media_type="text/html", headers={"Location": path, **(headers or {})})


def error_page(request: HttpRequest, error: Exception) -> PageResponse:
    """Return the error page for people."""
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
"""Exception handlers of pages."""


@get("/static/pages.css", access="anyone")
async def stylesheet() -> PageResponse:
    return Response(_STYLES, media_type="text/css")
