"""Middleware for any ASGI framework that admits only requests with a permitted key."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET

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

Asgi: TypeAlias = Callable[[Any, Any, Any], Any]

_POLICY_VIOLATION = 1008


def peer_address(scope: Any) -> str | None:  # noqa: ANN401 -- an ASGI scope
    """Return the address of the connected peer, which is the proxy if there is one."""
    peer = scope.get("client")
    return None if not peer else str(peer[0])


class KeyledgerMiddleware:
    """Verifies the key of every request, then stores the `Verification` in `scope["state"]["keyledger"]` or refuses.

    Nothing is cached: a revoked key is refused from the next request on. If a key cannot be verified, the request is
    refused with 503. Websockets are closed before they open, which the caller receives as 403.

    `mcp_id`, `tool`: the MCP and tool that the key must reach: values, or functions of the scope that return None if
    none is required. A value of None is refused, so that a missing setting does not admit every key. `exclude`: paths
    that need no key; a path that ends with `/` or `/*` includes everything below it. `address`: function that returns
    the caller's address; behind a proxy it must know which proxies to trust.
    `accept_imported`: keys that were imported with the secret of another system are accepted too; then any credential
    in a request without a well-formed key is sent to the service.
    """

    def __init__(
        self,
        app: Asgi,
        client: AsyncKeyledger,
        *,
        mcp_id: OfRequest[Any] = UNSET,
        tool: OfRequest[Any] = UNSET,
        exclude: Iterable[str] = (),
        address: Callable[[Any], str | None] = peer_address,
        accept_imported: bool = False,
    ) -> None:
        self._app = app
        self._client = client
        check_requirement("mcp_id", mcp_id)
        check_requirement("tool", tool)
        self._mcp_id = mcp_id
        self._tool = tool
        paths = [path.removesuffix("*") for path in exclude]
        self._exact = frozenset(path for path in paths if not path.endswith("/") or path == "/")
        self._below = tuple(path for path in paths if path.endswith("/") and path != "/")
        self._address = address
        self._accept_imported = accept_imported

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
        if scope["type"] not in {"http", "websocket"} or self._is_excluded(scope["path"]):
            await self._app(scope, receive, send)
            return
        decided = await admit(
            self._client,
            scope["headers"],
            self._address(scope),
            mcp_id=required("mcp_id", self._mcp_id, scope),
            tool=required("tool", self._tool, scope),
            accept_imported=self._accept_imported,
        )
        if not isinstance(decided, Denial):
            state = {**scope.get("state", {}), STATE_KEY: decided}
            await self._app({**scope, "state": state}, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": decided.code})
        else:
            await _answer(send, decided)

    def _is_excluded(self, path: str) -> bool:
        """Return whether the path needs no key. Dot segments are not resolved; a path that has them is not excluded."""
        if "/." in path or "//" in path:
            return False
        return path in self._exact or path.startswith(self._below)


async def _answer(send: Any, denial: Denial) -> None:  # noqa: ANN401 -- ASGI
    body = msgspec.json.encode(problem_of(denial))
    headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *((name.lower().encode(), value.encode("latin-1")) for name, value in denial.headers.items()),
    ]
    await send({"type": "http.response.start", "status": denial.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
