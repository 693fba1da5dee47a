"""A guard for Litestar: `@get("/files", guards=[requires_key(client, mcp_id="mcp_…")])`.

This is the only module that needs Litestar: `pip install keyledger[litestar]`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

try:
    from litestar import Request, Response
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "keyledger.litestar needs Litestar. Install it with: pip install 'keyledger[litestar]'", name="litestar"
    ) from None
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import Empty
from litestar.utils.scope.state import ScopeState
from msgspec import UNSET

from keyledger.asgi import peer_address
from keyledger.authenticate import (
    PROBLEM_TYPE,
    STATE_KEY,
    Denial,
    OfRequest,
    admit,
    check_requirement,
    problem_of,
    required,
)
from keyledger.clients import AsyncKeyledger
from keyledger.models.verification import Verification

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


class KeyDenied(HTTPException):
    """401, 403, 429 or 503, with the code in `extra`.

    The response is application/problem+json with the body `problem`, unless the application has an exception handler
    for this exception, for HTTPException or for the status.
    """

    problem: dict[str, Any]


def requires_key(
    client: AsyncKeyledger,
    *,
    mcp_id: OfRequest[Connection] = UNSET,
    tool: OfRequest[Connection] = UNSET,
    address: Callable[[Any], str | None] = peer_address,
    accept_imported: bool = False,
) -> Guard:
    """Return a guard that admits keys that may call `tool` of `mcp_id`: values, or functions of the connection.

    A function returns None if the request requires none. A value of None is refused, so that a missing setting does not
    admit every key.

    `verification_of(request)` then returns the decision. The guard raises `KeyDenied`, also if a key cannot be
    verified. `accept_imported`: as for `KeyledgerMiddleware`.
    """
    check_requirement("mcp_id", mcp_id)
    check_requirement("tool", tool)

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        scope: Any = connection.scope
        decided = await admit(
            client,
            scope["headers"],
            address(scope),
            mcp_id=required("mcp_id", mcp_id, connection),
            tool=required("tool", tool, connection),
            accept_imported=accept_imported,
        )
        if isinstance(decided, Denial):
            denied = _denied(decided)
            _respond_as_problem(connection, denied)
            raise denied
        scope.setdefault("state", {})[STATE_KEY] = decided

    return guard


def verification_of(connection: Connection) -> Verification:
    """Return the guard's decision on this request. Raises KeyError if the route has no guard."""
    scope: Any = connection.scope
    verification: Verification = scope["state"][STATE_KEY]
    return verification


def _denied(denial: Denial) -> KeyDenied:
    problem = problem_of(denial)
    headers = {**denial.headers, "Cache-Control": "no-store"}
    denied = KeyDenied(detail=denial.message, status_code=denial.status, headers=headers, extra=problem["error"])
    denied.problem = problem
    return denied


def _respond_as_problem(connection: Connection, denied: KeyDenied) -> None:
    """Respond with problem details to this request only. Litestar's own response has the media type of the route."""
    state: Any = ScopeState.from_scope(connection.scope)
    handlers: dict[Any, Any] = {} if state.exception_handlers is Empty else state.exception_handlers
    kinds = type(denied).__mro__[: type(denied).__mro__.index(Exception)]
    if not any(kind in handlers for kind in (*kinds, denied.status_code)):
        state.exception_handlers = {**handlers, KeyDenied: _problem}


def _problem(_request: Request[Any, Any, Any], denied: KeyDenied) -> Response[bytes]:
    content = msgspec.json.encode(denied.problem)
    return Response(content, status_code=denied.status_code, headers=denied.headers, media_type=PROBLEM_TYPE)
