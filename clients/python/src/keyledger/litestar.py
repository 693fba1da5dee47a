"""A guard for Litestar: `@get("/files", guards=[requires_key(client, mcp_id="mcp_…")])`.

The one module that needs Litestar: `pip install keyledger[litestar]`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler

from keyledger.asgi import peer_address
from keyledger.clients import AsyncKeyledger
from keyledger.gate import STATE_KEY, Denial, admit, problem_of
from keyledger.shapes.verification import Verification

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]
OfRequest = str | Callable[[Connection], str | None] | None


class KeyDenied(HTTPException):
    """401, 403, 429 or 503, with the code in `extra`."""


def requires_key(
    client: AsyncKeyledger,
    *,
    mcp_id: OfRequest = None,
    tool: OfRequest = None,
    address: Callable[[Any], str | None] = peer_address,
) -> Guard:
    """A guard that lets in whose key may call `tool` of `mcp_id`; each is fixed or a function of the connection.

    `verification_of(request)` is then the decision. Raises `KeyDenied`; closed when nothing can be verified.
    """

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        scope: Any = connection.scope
        decided = await admit(
            client,
            scope["headers"],
            address(scope),
            mcp_id=_resolved(mcp_id, connection),
            tool=_resolved(tool, connection),
        )
        if isinstance(decided, Denial):
            headers = {**decided.headers, "Cache-Control": "no-store"}
            extra = problem_of(decided)["error"]
            raise KeyDenied(detail=decided.message, status_code=decided.status, headers=headers, extra=extra)
        scope.setdefault("state", {})[STATE_KEY] = decided

    return guard


def verification_of(connection: Connection) -> Verification:
    """The decision of the guard for this request. Raises KeyError where no guard was asked."""
    scope: Any = connection.scope
    verification: Verification = scope["state"][STATE_KEY]
    return verification


def _resolved(given: OfRequest, connection: Connection) -> str | None:
    return given(connection) if callable(given) else given
