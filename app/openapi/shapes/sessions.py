"""Response shapes of sessions, which `app/api/session` and `app/api/sessions` create."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api.schemas import Count, OrganizationId, SessionId, Time, UserId
from domain.alerts.events import AlertType
from domain.grants import Grant
from domain.members.events import Role, Threshold
from domain.sessions.events import Method

No = Annotated[bool, Meta(extra_json_schema={"const": False})]
Yes = Annotated[bool, Meta(extra_json_schema={"const": True})]


class OnItsWay(Struct):
    """The response is the same for known and unknown addresses. `expires_in`: lifetime of the link in seconds."""

    message: str
    expires_in: Count


class SessionUser(Struct):
    id: UserId
    email: str | None


class SessionOrganization(Struct):
    id: OrganizationId
    name: str
    slug: str


class SignedIn(Struct):
    """The signed-in user, their organization and their grants. Changes require `csrf_token`."""

    signed_in: Yes
    session_id: SessionId
    user: SessionUser
    organization: SessionOrganization
    role: Role
    grants: list[Grant]
    csrf_token: str


class OfferedOrganization(SessionOrganization):
    role: Role


class Choice(Struct):
    """The address belongs to users of several organizations. Repeat the request with one of the ids."""

    signed_in: No
    organizations: list[OfferedOrganization]


class Notifications(Struct):
    """The alerts that a user gets by mail: their choices, and in `mailed` the effective threshold for each type."""

    threshold: Threshold | None
    thresholds: dict[AlertType, Threshold]
    mailed: dict[AlertType, Threshold]


class Session(Struct):
    id: SessionId
    current: Annotated[bool, Meta(description="Whether this is the session of the request.")]
    method: Method
    created_at: Time
    last_seen_at: Time
    expires_at: Time
    ip: str | None
    user_agent: str | None


class EndedSession(Struct):
    id: SessionId
    ended: Yes


class EndedSessions(Struct):
    ended: list[SessionId]
