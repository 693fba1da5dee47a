"""Access to the example server: the required credential, and an optional record of all requests."""

import base64
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

HeaderRequired = tuple[str, str]


class AccessControl:
    """ASGI middleware that refuses requests without the required header or parameter, and records every request.

    `parameter`: name and value that the query must contain.
    """

    def __init__(
        self,
        app: ASGIApp,
        required: HeaderRequired | None,
        record: Path | None,
        parameter: tuple[str, str] | None = None,
    ) -> None:
        self._app = app
        self._required = required
        self._parameter = parameter
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._record is not None:
            # The record includes credentials: tests check which client sends what, with made-up credentials.
            query = scope["query_string"].decode("ascii")
            line = json.dumps({"method": scope["method"], "path": scope["path"], "query": query, "headers": headers})
            with self._record.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        if not (self._has_header(headers) and self._has_parameter(scope["query_string"])):
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)

    def _has_header(self, headers: dict[str, str]) -> bool:
        if self._required is None:
            return True
        name, value = self._required
        return hmac.compare_digest(headers.get(name.lower(), "").encode(), value.encode())

    def _has_parameter(self, query: bytes) -> bool:
        if self._parameter is None:
            return True
        name, value = self._parameter
        given = dict(parse_qsl(query.decode("ascii"))).get(name, "")
        return hmac.compare_digest(given.encode(), value.encode())


def bearer(token: str) -> HeaderRequired:
    return "authorization", f"Bearer {token}"


def basic(username: str, password: str) -> HeaderRequired:
    return "authorization", "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
