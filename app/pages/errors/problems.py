"""GET /problems and /problems/{code}: show the meaning and the remedy of error codes.

The URL of a code is the `type` of its errors.
"""

from litestar import Response
from msgspec import Struct

from app.handlers import HttpRequest, Success, raw_request, success
from app.http.error_catalogue import ERRORS, ErrorCode
from app.http.errors import Problem
from app.pages.errors.preferences import preferred
from app.pages.rendering import PageResponse, page
from app.route import Route

_OFFERED = ("text/html", "application/json", "text/plain")
_VARY = {"Vary": "Accept"}
_BY_STATUS = sorted(ERRORS.items(), key=lambda each: (each[1].status, each[0]))


class ExplainedError(Struct, frozen=True):
    """The meaning, the usual cause and the remedy of an error code."""

    code: str
    status: int
    title: str
    meaning: str
    cause: str
    remedy: str


def _explained(code: str, known: ErrorCode) -> ExplainedError:
    return ExplainedError(
        code=code,
        status=known.status,
        title=known.title,
        meaning=known.meaning,
        cause=known.cause,
        remedy=known.remedy,
    )


@Route(
    "GET",
    "/problems",
    access="anyone",
    tag="Service",
    summary="List the error codes",
    description="All codes, by status. HTML for browsers; JSON or plain text if `Accept` requests it.",
    example=[_explained("expired_key", ERRORS["expired_key"])],
    other_media_types=("text/html; charset=utf-8", "text/plain; charset=utf-8"),
)
async def list_problems(request: HttpRequest) -> Success[list[ExplainedError]] | PageResponse:
    match preferred(raw_request(request).header("accept"), _OFFERED):
        case "application/json":
            return success([_explained(*each) for each in _BY_STATUS], headers=_VARY)
        case "text/plain":
            return Response("\n".join(_text(*each) for each in _BY_STATUS), media_type="text/plain", headers=_VARY)
        case _:
            return page("problems.html", headers=_VARY, errors=_BY_STATUS)


@Route(
    "GET",
    "/problems/{code}",
    access="anyone",
    tag="Service",
    summary="Explain an error code",
    description="The URL in the `type` of every error. HTML for browsers; JSON or plain text if `Accept` requests it.",
    example=_explained("expired_key", ERRORS["expired_key"]),
    other_media_types=("text/html; charset=utf-8", "text/plain; charset=utf-8"),
)
async def get_problem_page(request: HttpRequest, code: str) -> Success[ExplainedError] | PageResponse:
    known = ERRORS.get(code)
    if known is None:
        raise Problem("not_found")
    match preferred(raw_request(request).header("accept"), _OFFERED):
        case "application/json":
            return success(_explained(code, known), headers=_VARY)
        case "text/plain":
            return Response(_text(code, known), media_type="text/plain", headers=_VARY)
        case _:
            return page("problem.html", headers=_VARY, code=code, known=known)


def _text(code: str, known: ErrorCode) -> str:
    return (
        f"{known.title} ({code}, HTTP {known.status})\n\n{known.meaning}\n\n"
        f"Usual cause: {known.cause}\n\nWhat to do: {known.remedy}\n"
    )
