"""The outermost ASGI application: the parts that all requests and responses have in common.

It handles request ids, body sizes, security headers and errors, and serves the direct routes. All other requests go to
the framework.
"""

import asyncio
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.http.client_address import client_address
from app.http.errors import Problem, to_problem
from app.http.messages import DirectRoute, ProblemResponse, RawRequest, RawResponse, bind_raw_request
from app.http.paths import allowed, is_written_as_a_route
from app.observability.tracing.tracing import trace_id_of
from app.process.draining import Draining
from domain.networks import Network
from domain.secret import contains_secret

BODY_BYTES_MAX = 1024 * 1024
BODY_SECONDS = 30
DISCARD_BYTES_MAX = 32 * 1024 * 1024
DISCARD_SECONDS = 10
REQUEST_ID_LENGTH_MAX = 128

_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")

_COMMON = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


_CLOSE = {"Connection": "close"}


class RequestMiddleware:
    """`direct`: routes by method and path. All other requests go to `inner`.

    `any_method`: the method of a direct route by its path, if the route handles every method as if it were this one.
    """

    def __init__(
        self,
        inner: ASGIApp,
        direct: Mapping[tuple[str, str], DirectRoute],
        *,
        any_method: Mapping[str, str],
        draining: Draining,
        trusted_proxies: Sequence[Network],
        problem_response: ProblemResponse,
    ) -> None:
        self._inner = inner
        self._direct = direct
        self._any_method = any_method
        self._draining = draining
        self._trusted_proxies = trusted_proxies
        self._problem_response = problem_response
        self._methods: dict[str, str] = {}
        for method, path in direct:
            self._methods[path] = f"{self._methods[path]}, {method}" if path in self._methods else method
        self._methods = {path: allowed(methods.split(", ")) for path, methods in self._methods.items()}
        self._host: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope["method"] = self._handled_method(scope)  # pyright: ignore[reportGeneralTypeIssues]
        headers = _merge_headers(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        # The server runs each request in a separate task, so this binding ends with the request.
        bind_contextvars(request_id=request_id)
        trace_id = trace_id_of(headers.get(b"traceparent"))
        if trace_id is not None:
            bind_contextvars(trace_id=trace_id)
        inbound: RawRequest | None = None
        refused: Problem | None = None
        try:
            content, refused = await _read(receive, headers)
            inbound = RawRequest(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"],
                headers=headers,
                content=content,
                request_id=request_id,
                ip=client_address(_peer(scope), scope["headers"], self._trusted_proxies),
                refused=refused or _encoded_body(content, headers),
            )
            self._refuse_host(headers.get(b"host", b""), scope["http_version"])
            if refused is not None:
                # The rest of the body is not read, so the connection closes: the client must not send another request
                # on it.
                inbound.reply_headers["Connection"] = "close"
            route = self._direct.get((inbound.method, inbound.path))
            if (route is None or b"%" in scope["raw_path"]) and not is_written_as_a_route(scope):
                inbound.refuse_unread()
                raise Problem("not_found")  # noqa: TRY301 -- handled like any other refusal
            if route is None:
                self._reject_early(inbound)
                await self._call_framework(scope, inbound, receive, send)
                if refused is not None:
                    await discard(receive)
                return
            reply = await route(inbound)
            inbound.refuse_unread()
        except Exception as error:  # noqa: BLE001 -- every exception becomes an error response
            accept = headers.get(b"accept")
            reply = self._problem_response(
                to_problem(error), scope["path"], None if accept is None else accept.decode("latin-1"), request_id
            )
        further = inbound.reply_headers if inbound else {}
        await _send(send, reply, request_id, {**further, **self._closing_headers(scope)})
        if refused is not None:
            await discard(receive)

    def _handled_method(self, scope: Any) -> Any:  # noqa: ANN401 -- ASGI's scope is an open dictionary
        """Return the method as which the request is handled and counted."""
        if scope["method"] == "HEAD":  # the server omits the body (RFC 9110 §9.3.2)
            return "GET"
        return self._any_method.get(scope["path"], scope["method"])

    def _refuse_host(self, host: bytes, http_version: str) -> None:
        """Raise 400 for a request that two servers could assign to different hosts (RFC 9112 §3.2)."""
        if host == self._host:  # nearly all requests name the same host
            return
        # The server reports an absent header as an empty one. No HTTP URL has an empty host.
        if not host and http_version != "1.1":
            return
        if not host or _HOST.fullmatch(host) is None:
            message = "The Host header is repeated or malformed" if host else "The request has no Host header"
            raise Problem("invalid_request", f"{message}. Send exactly one, with the host of the URL.")
        self._host = host

    def _closing_headers(self, scope: Any) -> dict[str, str]:  # noqa: ANN401 -- ASGI's scope is an open dictionary
        """Return the header that makes a client close its connection while this process shuts down."""
        # HTTP/2 has no such header; the server sends a GOAWAY frame.
        return _CLOSE if self._draining.began and scope["http_version"].startswith("1") else {}

    def _reject_early(self, inbound: RawRequest) -> None:
        """Refuse requests that the framework cannot handle: a wrong method on a direct route, and a NUL in the path."""
        if inbound.path in self._methods or "\0" in inbound.path:
            inbound.refuse_unread()
        methods = self._methods.get(inbound.path)
        if methods is not None:
            raise Problem("method_not_allowed", headers={"Allow": methods})
        if "\0" in inbound.path:
            raise Problem("not_found")

    async def _call_framework(self, scope: Scope, inbound: RawRequest, receive: Receive, send: Send) -> None:
        bind_raw_request(scope, inbound)
        read = False

        async def replay() -> Any:  # noqa: ANN401 -- one of Litestar's typed message dictionaries
            nonlocal read
            if read:  # a streamed response waits for the client to disconnect
                return await receive()
            read = True
            return {"type": "http.request", "body": inbound.content, "more_body": False}

        async def with_common_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                common = _missing_common([name for name, _ in message["headers"]])
                common += [(b"x-request-id", inbound.request_id.encode()), *_encoded(inbound.reply_headers)]
                common += _encoded(self._closing_headers(scope))
                message["headers"] = [*message["headers"], *common]
            await send(message)

        await self._inner(scope, replay, with_common_headers)


def _merge_headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the values by name. Lines of one name form a list (RFC 9110 §5.3), which no single-value header accepts.

    Cookies, which HTTP/2 splits, are joined again (RFC 9113 §8.2.3).
    """
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        earlier = headers.get(name)
        if earlier is None:
            headers[name] = value
        else:
            headers[name] = earlier + (b"; " if name == b"cookie" else b", ") + value
    return headers


def _request_id(given: bytes | None) -> str:
    if given is not None and 0 < len(given) <= REQUEST_ID_LENGTH_MAX and given.isascii():
        text = given.decode("ascii")
        if text.isprintable() and not contains_secret(text):
            return text
    return f"req_{os.urandom(12).hex()}"


def _peer(scope: Any) -> str | None:  # noqa: ANN401 -- see above
    client = scope.get("client")
    return None if client is None else client[0]


def _encoded_body(content: bytes, headers: Mapping[bytes, bytes]) -> Problem | None:
    """Return the refusal of a compressed body, with the accepted encodings (RFC 9110 §12.5.3)."""
    coding = headers.get(b"content-encoding")
    if coding is None or not content or coding.strip().lower() in {b"", b"identity"}:
        return None
    message = "The body has a content coding. Send it without Content-Encoding."
    return Problem("unsupported_media_type", message, headers={"Accept-Encoding": "identity"})


async def discard(receive: Receive) -> None:
    """Read and discard the rest of the request after the response was sent, within limits.

    If the connection were closed immediately, the client would see a broken connection instead of the response.
    """
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while size < DISCARD_BYTES_MAX:
                message = await receive()
                if message["type"] != "http.request" or not message["more_body"]:
                    return
                size += len(message["body"])


async def _read(receive: Receive, headers: Mapping[bytes, bytes]) -> tuple[bytes, Problem | None]:
    """Return the body, or the reason why it was not read, which is raised only after the key was checked."""
    try:
        return await read_body(receive, headers), None
    except Problem as problem:
        return b"", problem


async def read_body(receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
    """Return the whole body. Raise 413 as soon as it is known to be too large.

    A body in chunks must arrive in time; otherwise a client that sends a byte now and then could hold a connection
    indefinitely.
    """
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > BODY_BYTES_MAX:
        raise _too_large()
    first, more = _part(await receive(), 0)
    if not more:
        return first
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return first + await _rest(receive, len(first))
    except TimeoutError:
        raise Problem("invalid_request", f"The body was not complete after {BODY_SECONDS} seconds.") from None


async def _rest(receive: Receive, size: int) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        part, more = _part(await receive(), size)
        size += len(part)
        parts.append(part)
    return b"".join(parts)


def _part(message: Any, size: int) -> tuple[bytes, bool]:  # noqa: ANN401 -- one of ASGI's messages
    """Return the next part of a body that has `size` bytes so far, and whether more follows."""
    if message["type"] != "http.request":
        raise Problem("invalid_request", "The connection was closed before the body was complete.")
    if size + len(message["body"]) > BODY_BYTES_MAX:
        raise _too_large()
    return message["body"], message["more_body"]


def _too_large() -> Problem:
    return Problem("payload_too_large")


async def _send(send: Send, reply: RawResponse, request_id: str, further: Mapping[str, str]) -> None:
    given = _encoded(reply.headers)
    headers = [
        *_missing_common([name for name, _ in given]),
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    headers += given
    headers += _encoded(further)
    start: Any = {"type": "http.response.start", "status": reply.status, "headers": headers}
    end: Any = {"type": "http.response.body", "body": reply.body, "more_body": False}
    await send(start)
    await send(end)


def _missing_common(names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the common headers that a response with headers of these names does not have yet."""
    present = {name.lower() for name in names}
    return [pair for pair in _COMMON if pair[0] not in present]


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
