"""Parts that the requests and responses of several resources share."""

from datetime import datetime
from typing import Annotated, Literal, assert_never

from msgspec import UNSET, Meta, Struct, UnsetType

from app.http.decoding import Instant
from domain import actor as domain
from domain.fields import DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX
from projections.log_queries.names.queries import Names


def id_pattern(prefix: str) -> str:
    """Return the pattern of ids with `prefix`, which may list alternatives, such as `(user|key)`."""
    return f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"


KeyId = Annotated[str, Meta(pattern=id_pattern("key"), description="The id of a key.")]
McpId = Annotated[str, Meta(pattern=id_pattern("mcp"), description="The id of an MCP server.")]
OrganizationId = Annotated[str, Meta(pattern=id_pattern("org"), description="The id of an organization.")]
UserId = Annotated[str, Meta(pattern=id_pattern("user"), description="The id of a user.")]
InviteId = Annotated[str, Meta(pattern=id_pattern("invite"), description="The id of an invitation.")]
SessionId = Annotated[str, Meta(pattern=id_pattern("ses"), description="The id of a session.")]
AlertId = Annotated[str, Meta(pattern=id_pattern("alert"), description="The id of an alert.")]
WebhookId = Annotated[str, Meta(pattern=id_pattern("hook"), description="The id of a webhook.")]
EventId = Annotated[str, Meta(pattern=id_pattern("evt"), description="The id of an event.")]

Time = Annotated[datetime, Meta(tz=True)]
"""A timestamp in RFC 3339, UTC."""

Count = Annotated[int, Meta(ge=0)]
AlwaysTrue = Annotated[bool, Meta(extra_json_schema={"const": True})]
Revision = Annotated[int, Meta(ge=1, description="The number of the latest change, from 1. It is also the ETag.")]

Since = Annotated[Instant, Meta(description="Only items at or after this time (RFC 3339).")]
Until = Annotated[Instant, Meta(description="Only items before this time (RFC 3339).")]
IdFilter = Annotated[str, Meta(max_length=100)]

Name = Annotated[
    str, Meta(description="The display name.", extra_json_schema={"minLength": 1, "maxLength": NAME_LENGTH_MAX})
]
Description = Annotated[
    str, Meta(description="The purpose, as free text.", extra_json_schema={"maxLength": DESCRIPTION_LENGTH_MAX})
]


class Creator(Struct, frozen=True):
    """A user with id and address, or another actor with id and type. An erased address is null.

    `name` is the address of a user or the name of a key, and is missing if it was erased.
    """

    id: str
    email: str | UnsetType | None = UNSET
    type: Literal["api_key", "system"] | UnsetType = UNSET
    name: str | UnsetType = UNSET


def to_creator(actor: domain.Actor, names: Names) -> Creator:
    name = names.of_actor(actor)
    shown = UNSET if name is None else name
    match actor:
        case domain.UserActor():
            return Creator(actor.id, email=name, name=shown)
        case domain.KeyActor():
            return Creator(actor.id, type="api_key", name=shown)
        case domain.SystemActor():
            return Creator(actor.id, type="system")
        case _:
            assert_never(actor)


class Actor(Struct, frozen=True):
    """The actor that caused an event. `name` is the address of a user or the name of a key.

    It is missing if it was erased, or belongs to a key that the caller cannot see.
    """

    type: Literal["user", "api_key", "system"]
    id: str | None
    name: str | UnsetType = UNSET


def to_actor(actor: domain.Actor, names: Names) -> Actor:
    name = names.of_actor(actor)
    shown = UNSET if name is None else name
    match actor:
        case domain.UserActor():
            return Actor("user", actor.id, shown)
        case domain.KeyActor():
            return Actor("api_key", actor.id, shown)
        case domain.SystemActor():
            return Actor("system", actor.id)
        case _:
            assert_never(actor)
