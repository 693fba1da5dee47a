"""Who may do what: every management route says whom it lets in, and everyone else is refused.

A route declares, beside its path, `grant=…`, the management grant that it needs; `only="people"`, which no key may
use, whatever its grants; or `only="owner"`, which only the owner of the organization may use. A route that declares
nothing of this and not `public=True` answers nobody: forgetting it fails closed.

Whoever sends a key is the holder of that key, also where the browser adds the cookie of a session.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from structlog.contextvars import bind_contextvars

from app.addressing import allowed
from app.exchange import Inbound, attached
from app.problems import Problem, missing_grant, unauthorized
from app.security.admission import refuse_denied, ruling_on
from app.security.callers import KeyCaller, PersonCaller, presentation
from app.security.cross_site import HEADER, SAFE_METHODS, refuse_forged
from app.security.sessions import person_behind, presented_session
from app.security.visible_keys import ALL_KEYS, NO_KEYS, visible_to
from app.services import Services
from app.verification import Presented
from domain.grants import GRANTS, Grant
from domain.keys.state import Key
from domain.members.roles import grants_of, owns
from projections.key_lineage.queries import root_creator

Connection = ASGIConnection[Any, Any, Any, Any]

ONLY = ("people", "owner")


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard of all routes: lets in whom the route lets in, and notes the caller."""
    if attached(connection.scope).method == "OPTIONS":
        # The framework's own answer would name the methods of one of the route's handlers only.
        raise Problem("method_not_allowed", headers={"Allow": _methods(connection)})
    if handler.opt.get("public") is True:
        attached(connection.scope).refuse_unread()
        return
    grant, only = handler.opt.get("grant"), handler.opt.get("only")
    if (grant is None and only is None) or (grant is not None and grant not in GRANTS) or only not in {None, *ONLY}:
        raise Problem("forbidden", "This route is closed.")
    inbound = attached(connection.scope)
    services: Services = connection.app.state.services
    secret = presented_session(inbound, services.config)
    if secret is None:
        connection.scope["auth"] = await _key(services, inbound, grant, people_only=only is not None)
    else:
        connection.scope["auth"] = await _person(services, inbound, secret, grant, owner_only=only == "owner")
    inbound.refuse_unread()


async def _key(services: Services, inbound: Inbound, grant: Grant | None, *, people_only: bool) -> KeyCaller:
    presented = presentation(inbound, "manage", grant=grant, people_only=people_only)
    ruling = await ruling_on(inbound, services, Presented(presented))
    return await _limited_to_creator(services, refuse_denied(ruling, presented), grant)


async def _limited_to_creator(services: Services, key: Key, grant: Grant | None) -> KeyCaller:
    """The key, with what the person it comes of may do now as its bound.

    When a member is removed or gets a smaller role, their keys are revoked or lose grants in the same transaction. What
    is checked here holds for every key all the same, whatever way it was made and whatever became of that person.
    """
    async with services.reading(key.organization_id) as connection:
        creator = await root_creator(connection, key.organization_id, key.created_by.id)
    if creator is not None and creator.role is not None:
        held, visible = grants_of(creator.role), visible_to(creator.role, creator.id)
    elif creator is not None and not creator.id.startswith("user_"):
        return KeyCaller(key, ALL_KEYS)
    else:
        held, visible = frozenset[Grant](), NO_KEYS
    if grant is not None and grant not in held:
        raise missing_grant(grant)
    return KeyCaller(key, visible)


async def _person(
    services: Services, inbound: Inbound, secret: str, grant: Grant | None, *, owner_only: bool
) -> PersonCaller:
    person = await person_behind(services, inbound, secret)
    if person is None:
        raise unauthorized("unauthorized", presented=True, detail="The session has ended. Sign in again.")
    bind_contextvars(organization_id=person.organization_id, user_id=person.user_id)
    if inbound.method not in SAFE_METHODS:
        refuse_forged(inbound, services.config, secret, inbound.header(HEADER))
    if owner_only and not owns(person.role):
        raise Problem("forbidden", "Only the owner of the organization may do this.", {"required": ["owner"]})
    if grant is not None and grant not in person.grants:
        raise missing_grant(grant)
    return person


def _methods(connection: Connection) -> str:
    here = [route for route in connection.app.routes if route.path_format == connection.scope["path_template"]]
    methods = {str(method) for route in here if isinstance(route, HTTPRoute) for method in route.methods}
    return allowed(methods)
