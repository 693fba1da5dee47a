"""Responses to requests that cannot be served: a page for people, and JSON for programs."""

from app.http.errors import CONTENT_TYPE, Problem, problem_json
from app.http.messages import RawResponse
from app.pages.errors.preferences import preferred
from app.pages.rendering import PAGE_HEADERS, error_html

_FOR_PROGRAMS = frozenset({"v1", "health", "metrics", "tlog"})
"""First segments of paths whose errors are always JSON."""


def problem_response(
    problem: Problem, path: str, accept: str | None, request_id: str, *, public_url: str
) -> RawResponse:
    """Return the response with `problem`. It is a page if the client prefers HTML, as browsers do, and else JSON."""
    first_segment = path.removeprefix("/").partition("/")[0]
    if first_segment in _FOR_PROGRAMS or preferred(accept, ("application/json", "text/html")) != "text/html":
        body = problem_json(problem, request_id=request_id, public_url=public_url)
        return RawResponse(problem.status, body, problem.headers, CONTENT_TYPE)
    headers = {**problem.headers, **PAGE_HEADERS, "Vary": "Accept"}
    return RawResponse(problem.status, error_html(problem, request_id).encode(), headers, "text/html; charset=utf-8")
