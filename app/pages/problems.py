"""GET /problems/{code}: show the meaning and the remedy of an error code. The URL is the `type` of the error."""

from litestar import Response
from msgspec import Struct

from app.handlers import HttpRequest, Success, raw_request, success
from app.http.error_catalogue import ERRORS, ErrorCode
from app.http.errors import Problem
from app.pages.preferences import preferred
from app.pages.rendering import PageResponse, page
from app.route import Route

_OFFERED = ("text/html", "application/json", "text/plain")


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
            return success(_explained(code, known), headers={"Vary": "Accept"})
        case "text/plain":
            return Response(_text(code, known), media_type="text/plain", headers={"Vary": "Accept"})
        case _:
            return page("problem.html", headers={"Vary": "Accept"}, code=code, known=known)


def _text(code: str, known: ErrorCode) -> str:
    return (
        f"{known.title} ({code}, HTTP {known.status})\n\n{known.meaning}\n\n"
        f"Usual cause: {known.cause}\n\nWhat to do: {known.remedy}\n"
    )
