"""Parts that responses of all resources share."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

_BODY = "[0-7][0-9a-hjkmnp-tv-z]{25}"

KeyId = Annotated[str, Meta(pattern=f"^key_{_BODY}$", description="The id of a key.")]
McpId = Annotated[str, Meta(pattern=f"^mcp_{_BODY}$", description="The id of an MCP server.")]
OrganizationId = Annotated[str, Meta(pattern=f"^org_{_BODY}$", description="The id of an organization.")]
UserId = Annotated[str, Meta(pattern=f"^user_{_BODY}$", description="The id of a user.")]
InviteId = Annotated[str, Meta(pattern=f"^invite_{_BODY}$", description="The id of an invitation.")]
SessionId = Annotated[str, Meta(pattern=f"^ses_{_BODY}$", description="The id of a session.")]
AlertId = Annotated[str, Meta(pattern=f"^alert_{_BODY}$", description="The id of an alert.")]
WebhookId = Annotated[str, Meta(pattern=f"^hook_{_BODY}$", description="The id of a webhook.")]
EventId = Annotated[str, Meta(pattern=f"^evt_{_BODY}$", description="The id of an event.")]

Time = Annotated[datetime, Meta(tz=True)]
"""A timestamp in RFC 3339, UTC."""

Count = Annotated[int, Meta(ge=0)]
Revision = Annotated[int, Meta(ge=1, description="The number of the latest change, from 1. It is also the ETag.")]


class Creator(Struct):
    """A user with id and address, or another actor with id and type. An erased address is null."""

    id: str
    email: str | UnsetType | None = UNSET
    type: Literal["api_key", "system"] | UnsetType = UNSET


class Actor(Struct):
    """The actor that caused an event."""

    type: Literal["user", "api_key", "system"]
    id: str | None


class Pagination(Struct):
    """`page`, `total` and `total_pages` are null in a list that is read by cursor and has no page numbers."""

    page: int | None
    per_page: int
    total: Count | None
    total_pages: Count | None
    next_cursor: Annotated[str | None, Meta(description="The `cursor` for the next page; null on the last page.")]
    total_exact: Annotated[bool, Meta(description="Present only if false: `total` is then a minimum.")] | UnsetType = (
        UNSET
    )


class ProblemError(Struct):
    """The error for clients that check for `success: false`."""

    code: Annotated[str, Meta(description="The error code, for programs. The URL in `type` explains it.")]
    message: Annotated[str, Meta(description="The error message, for people.")]
    request_id: Annotated[str, Meta(description="The id of the request. Include it when you ask for help.")]
    details: (
        Annotated[
            dict[str, Any],
            Meta(description="Details of the error. For invalid fields: each field and how to correct it."),
        ]
        | UnsetType
    ) = UNSET


class Problem(Struct):
    """Every error: problem details (RFC 9457), and the same content for clients that check for `success: false`."""

    type: Annotated[str, Meta(description="A URL that explains the error code.", extra_json_schema={"format": "uri"})]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    success: Annotated[bool, Meta(extra_json_schema={"const": False})]
    error: ProblemError
