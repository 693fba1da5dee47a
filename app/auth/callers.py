"""Who is calling: the holder of a key, or a person who signed in. Routes ask both the same questions."""

from msgspec import Struct

from app.auth.bearer import presented_secret
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
    """A key that was accepted at the instant of the request. It never reaches beyond what it was given.

    `visible_keys`: those that its creator sees now, and no others.
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
        """What it can give to others, at most."""
        return scope_of(self.key)

    @property
    def version_precondition(self) -> VersionPrecondition:
        """What this caller asks for is not done any more once the key was changed."""
        return VersionPrecondition(self.key.id, self.key.revision)

    @property
    def default_environment(self) -> Environment:
        """Of what it makes without naming one."""
        return self.key.environment

    def origin(self, inbound: RawRequest) -> Origin:
        return _origin(self.actor, inbound)


class PersonCaller(Struct, frozen=True):
    """A person with a session, in the role that they had at the instant of the request.

    `revision` is that of their membership, whose stream bears the id of the person.
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
        """What this caller asks for is not done any more once they have another role, or are removed."""
        return VersionPrecondition(self.user_id, self.revision)

    @property
    def visible_keys(self) -> VisibleKeys:
        """Those that the person sees and, holding the grant for it, changes. No others exist for them."""
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
    """The key in the request's headers, presented for `action`; `organization_id`: the only one whose keys count."""
    return AccessRequest(
        digest=digest(presented_secret(inbound.headers)),
        action=action,
        organization_id=organization_id,
        mcp_id=mcp_id,
        tool=tool,
        grant=grant,
        people_only=people_only,
        ip=inbound.ip,
        user_agent=inbound.user_agent,
        request_id=inbound.request_id,
    )


def _origin(actor: Actor, inbound: RawRequest) -> Origin:
    return Origin(actor=actor, ip=inbound.ip, user_agent=inbound.user_agent, request_id=inbound.request_id)
