"""Authorization: every management route declares its access, and all other callers are refused.

A route declares `access`: the management grant that it requires; "people", which excludes all keys, whatever their
grants; "owner", for the owner of the organization; or "anyone". A route that declares nothing refuses every caller: a
forgotten declaration fails closed.

A request with a key is authorized by the key, even if a browser adds a session cookie. A change that requires no
caller, such as a sign-in, is refused if a page of another site sent it.
"""

from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from structlog.contextvars import bind_contextvars

from app.auth.callers import KeyCaller, PersonCaller, access_request
from app.auth.csrf import HEADER, SAFE_METHODS, reject_cross_site, require_csrf_token
from app.auth.sessions import load_session, session_cookie
from app.auth.visible_keys import ALL_KEYS, NO_KEYS, visible_to
from app.http.errors import Problem, missing_grant, unauthorized
from app.http.messages import RawRequest, raw_request_from
from app.http.paths import allowed
from app.services import Services
from app.verification.authenticate import authenticate, raise_if_denied
from app.verification.requests import Authenticate
from domain.grants import GRANTS, Grant
from domain.keys.state import Key
from domain.members.roles import grants_of, owns
from projections.read_models.keys.by_creator.queries import root_creator

Connection = ASGIConnection[Any, Any, Any, Any]

Access = Grant | Literal["anyone", "people", "owner"]


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """Admit the caller if the route allows it, and attach the caller to the request. A guard of all routes."""
    inbound = raw_request_from(connection.scope)
    if inbound.method == "OPTIONS":
        # The framework's own response would name the methods of only one of the route's handlers.
        raise Problem("method_not_allowed", headers={"Allow": _methods(connection)})
    access = handler.opt.get("access")
    services: Services = connection.app.state.services
    if access == "anyone":
        inbound.refuse_unread()
        if inbound.method not in SAFE_METHODS:
            # A request without a session has no CSRF token to check.
            reject_cross_site(inbound, services.config)
        return
    if access not in GRANTS and access not in ("people", "owner"):
        raise Problem("forbidden", "This endpoint accepts no requests.")
    secret = session_cookie(inbound, services.config)
    if secret is None:
        grant: Grant | None = access if access in GRANTS else None
        connection.scope["auth"] = await _key(services, inbound, grant, people_only=grant is None)
    else:
        connection.scope["auth"] = await _person(services, inbound, secret, access)
    inbound.refuse_unread()


async def _key(services: Services, inbound: RawRequest, grant: Grant | None, *, people_only: bool) -> KeyCaller:
    presented = access_request(inbound, "manage", grant=grant, people_only=people_only)
    result = await authenticate(inbound, services.verification, Authenticate(presented))
    return await _limit_to_creator(services, raise_if_denied(result, presented), grant)


async def _limit_to_creator(services: Services, key: Key, grant: Grant | None) -> KeyCaller:
    """Return the key as a caller, limited to what the user behind it may do now.

    When a member is removed or gets a role with fewer grants, the same transaction revokes their keys or removes
    grants. This check applies the limit to every key anyway, however the key was created and whatever happened to that
    user.
    """
    async with services.read_transaction(key.organization_id) as connection:
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


async def _person(services: Services, inbound: RawRequest, secret: str, access: Access) -> PersonCaller:
    person = await load_session(services, inbound, secret)
    if person is None:
        raise unauthorized("unauthorized", presented=True, detail="The session has ended. Sign in again.")
    bind_contextvars(organization_id=person.organization_id, user_id=person.user_id)
    if inbound.method not in SAFE_METHODS:
        require_csrf_token(inbound, services.config, secret, inbound.header(HEADER))
    require_access(person, access)
    return person


def require_access(person: PersonCaller, access: Access) -> None:
    """Raise 403 if the role of a signed-in user does not allow `access`."""
    if access == "owner" and not owns(person.role):
        raise Problem("forbidden", "Only the owner of the organization is allowed to do this.", {"required": ["owner"]})
    if access in GRANTS and access not in person.grants:
        raise missing_grant(access)


def _methods(connection: Connection) -> str:
    here = [route for route in connection.app.routes if route.path_format == connection.scope["path_template"]]
    methods = {str(method) for route in here if isinstance(route, HTTPRoute) for method in route.methods}
    return allowed(methods)
