"""Callers: the holder of a key, or a signed-in user. Both offer the same properties to routes."""

from msgspec import Struct

from app.auth.bearer import is_foreign, presented_secret
from app.auth.visible_keys import VisibleKeys, visible_to
from app.http.messages import RawRequest
from domain.actor import Actor, KeyActor, UserActor
from domain.environment import Environment
from domain.grants import Grant
from domain.keys.delegation import Scope, scope_of
from domain.keys.state import Key
from domain.members.events import Role
from domain.members.roles import authority_of, grants_of
from domain.secret import digest
from domain.usage.decision import AccessRequest
from domain.usage.events import Action
from eventstore.execute import VersionPrecondition
from eventstore.recorded import Origin
from projections.records.sessions.queries import Person


class KeyCaller(Struct, frozen=True):
    """A key that was accepted for this request. Its permissions never exceed those it was granted.

    `visible_keys`: those that its creator can see now, and no others.
    """

    key: Key
    visible_keys: VisibleKeys

    @property
    def id(self) -> str:
        return self.key.id

    @property
    def organization_id(self) -> str:
        return self.key.organization_id

    @property
    def actor(self) -> Actor:
        return KeyActor(self.key.id)

    @property
    def grants(self) -> frozenset[Grant]:
        return frozenset(self.key.permissions.manage)

    @property
    def authority(self) -> Scope:
        """Return the most that the caller can grant to others."""
        return scope_of(self.key)

    @property
    def version_precondition(self) -> VersionPrecondition:
        """Return the precondition that the key has not changed since it was accepted."""
        return VersionPrecondition(self.key.id, self.key.revision)

    @property
    def default_environment(self) -> Environment:
        """Return the environment of what the caller creates without naming one."""
        return self.key.environment

    def origin(self, inbound: RawRequest) -> Origin:
        return _origin(self.actor, inbound)


class PersonCaller(Struct, frozen=True):
    """A user with a session, in the role that they had when the request was authorized.

    `revision` is that of their membership, whose stream has the id of the user.
    """

    user_id: str
    organization_id: str
    role: Role
    revision: int
    session_id: str

    @property
    def person(self) -> Person:
        return Person(self.user_id, self.organization_id, self.role, self.revision)

    @property
    def id(self) -> str:
        return self.user_id

    @property
    def actor(self) -> Actor:
        return UserActor(self.user_id)

    @property
    def grants(self) -> frozenset[Grant]:
        return grants_of(self.role)

    @property
    def authority(self) -> Scope:
        return authority_of(self.role)

    @property
    def version_precondition(self) -> VersionPrecondition:
        """Return the precondition that the user has neither changed roles nor been removed."""
        return VersionPrecondition(self.user_id, self.revision)

    @property
    def visible_keys(self) -> VisibleKeys:
        """Return the keys that the user can see and, with the grant for it, change. Other keys are a 404."""
        return visible_to(self.role, self.user_id)

    @property
    def default_environment(self) -> Environment:
        return "live"

    def origin(self, inbound: RawRequest) -> Origin:
        return _origin(self.actor, inbound)


Caller = KeyCaller | PersonCaller


def access_request(
    inbound: RawRequest,
    action: Action,
    *,
    grant: Grant | None = None,
    mcp_id: str | None = None,
    tool: str | None = None,
    people_only: bool = False,
    organization_id: str | None = None,
) -> AccessRequest:
    """Return the access request for the key in the headers. Only keys of `organization_id` count, if it is given."""
    secret, other = presented_secret(inbound.headers)
    return AccessRequest(
        digest=digest(secret),
        other_digest=None if other is None else digest(other),
        action=action,
        organization_id=organization_id,
        mcp_id=mcp_id,
        tool=tool,
        grant=grant,
        people_only=people_only,
        is_foreign=is_foreign(secret),
        ip=inbound.ip,
        user_agent=inbound.user_agent,
        request_id=inbound.request_id,
    )


def _origin(actor: Actor, inbound: RawRequest) -> Origin:
    return Origin(actor=actor, ip=inbound.ip, user_agent=inbound.user_agent, request_id=inbound.request_id)
