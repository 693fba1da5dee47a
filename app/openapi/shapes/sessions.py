"""How sessions look in answers; `app/api/session` and `app/api/sessions` make them."""

from typing import Annotated

from msgspec import Meta, Struct

from app.openapi.shapes.common import Count, OrganizationId, SessionId, Time, UserId
from domain.alerts.events import AlertType
from domain.grants import Grant
from domain.members.events import Role, Threshold
from domain.sessions.events import Method

No = Annotated[bool, Meta(extra_json_schema={"const": False})]
Yes = Annotated[bool, Meta(extra_json_schema={"const": True})]


class OnItsWay(Struct):
    """The same whether or not somebody has the address. `expires_in`: seconds that the link works."""

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
    """Who is signed in, to what, and what they may do. `csrf_token` goes with whatever they change."""

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
    """The address belongs to several organizations: repeat the request with the id of one."""

    signed_in: No
    organizations: list[OfferedOrganization]


class Notifications(Struct):
    """Of which alerts somebody gets mails: what they chose, and in `mailed` from which severity on for each type."""

    threshold: Threshold | None
    thresholds: dict[AlertType, Threshold]
    mailed: dict[AlertType, Threshold]


class Session(Struct):
    id: SessionId
    current: Annotated[bool, Meta(description="The session that asks.")]
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
