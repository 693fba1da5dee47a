"""Pages rendered on the server. Every value is escaped, and styles and scripts come from this server only."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from litestar import Response
from markupsafe import Markup, escape

from app.handlers import HttpRequest, raw_request
from app.http.error_catalogue import ERRORS
from app.http.errors import Problem, to_problem
from app.pages.static_files import HTMX_URL, IDENTIFY_URL, REFERENCE_STYLE_URL, SCRIPT_URL, STYLE_URL
from app.pages.wording import text, words
from app.pages.wording.error_words import WORDS
from domain.secret import redacted

PageResponse = Response[str]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of pages. It allows no inline styles or scripts, and nothing from other hosts."""

_REFERRER_POLICY = "strict-origin"
"""Never send the path, which may contain a token, but send the origin.

Under "no-referrer", browsers send every form of the page with `Origin: null` (Fetch §3.2.1), as if another site had
made it.
"""

PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": _REFERRER_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "clipboard-write=(self)",
}

_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


class _WithoutIndentation(Extension):
    """Leave out the indentation of templates, a tenth of a long list."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 -- the signature of the base class
        return _INDENTATION.sub("", source)


def _address(ip: str) -> Markup:
    """Return an IP address that a narrow place breaks between its groups, not within them."""
    return escape(ip).replace(":", Markup(":<wbr>"))


_FOLDER = Path(__file__).parent
_templates = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    extensions=[_WithoutIndentation],
    auto_reload=False,
)
_FILTERS: dict[str, Any] = {
    "number": text.number,
    "day": text.day,
    "instant": text.instant,
    "timestamp": text.timestamp,
    "relative": text.relative,
    "duration": text.duration,
    "address": _address,
}
_GLOBALS: dict[str, Any] = {
    "plural": text.plural,
    "style_url": STYLE_URL,
    "script_url": SCRIPT_URL,
    "htmx_url": HTMX_URL,
    "identify_url": IDENTIFY_URL,
    "reference_style_url": REFERENCE_STYLE_URL,
    "words": words,
}
_templates.filters.update(_FILTERS)
_templates.globals.update(_GLOBALS)


def render(template: str, **values: object) -> str:
    return _templates.get_template(template).render(values)


def page(template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> PageResponse:  # noqa: ANN401
    return Response(
        render(template, **values),
        status_code=status,
        media_type="text/html",
        headers={**PAGE_HEADERS, **(headers or {})},
    )


def go_to(path: str, headers: dict[str, str] | None = None) -> PageResponse:
    """Redirect to `path` with 303, so the browser uses GET.

    `path` is never an unchecked part of a request: it is a constant, or a `next_path`.
    """
    return Response("", status_code=303, media_type="text/html", headers={"Location": path, **(headers or {})})


def unchanged() -> PageResponse:
    """Return 204, after which a script leaves the page as it is."""
    return Response("", status_code=204)


def signed_out() -> PageResponse:
    """Return 401 to a script, which then shows a link to the page for signing in instead of inserting that page."""
    return Response("", status_code=401, media_type="text/html")


def for_script(response: PageResponse) -> PageResponse:
    """Return a redirect as the address that a script opens in the window.

    A script that followed the redirect itself would use up the message about what the user just did.
    """
    if response.status_code != HTTPStatus.SEE_OTHER:
        return response
    headers = {name: value for name, value in response.headers.items() if name != "Location"}
    return Response("", status_code=204, headers={**headers, "HX-Redirect": response.headers["Location"]})


def error_page(request: HttpRequest, error: Exception) -> PageResponse:
    """Return the error page for people."""
    problem: Problem = to_problem(error)
    return Response(
        error_html(problem, raw_request(request).request_id),
        status_code=problem.status,
        media_type="text/html",
        headers={**PAGE_HEADERS, **problem.headers},
    )


def error_html(problem: Problem, request_id: str) -> str:
    """Return the page about a problem."""
    must_sign_in = problem.status == HTTPStatus.UNAUTHORIZED
    return render(
        "error.html", code=problem.code, must_sign_in=must_sign_in, request_id=request_id, **error_texts(problem)
    )


def error_texts(problem: Problem) -> dict[str, Any]:
    """Return what a page says about a problem: `heading`, `what_happened`, `what_to_do` and `messages`.

    Secrets are redacted, because a request may contain one in the wrong field.
    """
    known = ERRORS[problem.code]
    specific = WORDS.get(problem.code) if problem.detail == known.message else None
    details = redacted({name: each for name, each in problem.details.items() if name != "required"})
    return {
        "heading": known.title,
        "what_happened": specific.what_happened if specific else redacted(problem.detail),
        "what_to_do": specific.what_to_do if specific else None,
        "messages": [f"{name}: {message}" for name, message in details.items()],
    }


AS_PAGE: dict[int | type[Exception], Any] = {Exception: error_page}
"""Exception handlers of pages."""
