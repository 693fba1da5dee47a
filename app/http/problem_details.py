"""The body of every error: problem details (RFC 9457)."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType


class ProblemError(Struct, frozen=True):
    """The error for clients that check for `success: false`."""

    code: Annotated[str, Meta(description="The error code, for programs. The URL in `type` explains it.")]
    message: Annotated[str, Meta(description="The error message, for people.")]
    request_id: Annotated[str, Meta(description="The id of the request. Include it when you ask for help.")]
    details: (
        Annotated[
            Mapping[str, Any],
            Meta(description="Details of the error. For invalid fields: each field and how to correct it."),
        ]
        | UnsetType
    ) = UNSET


class ProblemDetails(Struct, frozen=True):
    """Every error: problem details (RFC 9457), and the same content for clients that check for `success: false`."""

    type: Annotated[str, Meta(description="A URL that explains the error code.", extra_json_schema={"format": "uri"})]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    success: Annotated[bool, Meta(extra_json_schema={"const": False})]
    error: ProblemError
