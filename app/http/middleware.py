"""The parts that all requests of the ASGI application and their responses have in common.

It handles request ids, body sizes, security headers and errors, and serves the direct routes. All other requests go to
the framework.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.http.body import read_body, refuse_encoded
from app.http.client_address import client_address
from app.http.errors import Problem, to_problem
from app.http.header_lines import CLOSE, encode_headers, merge_headers, missing_common, request_id_from
from app.http.host import HostRule
from app.http.messages import DirectRoute, ProblemResponse, RawRequest, RawResponse, bind_raw_request
from app.http.paths import allowed, is_written_as_a_route
from app.observability.tracing.tracing import trace_id_of
from app.process.draining import Draining
from domain.networks import Network


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
        host: HostRule,
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
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope["method"] = self._handled_method(scope)  # pyright: ignore[reportGeneralTypeIssues]
        headers = merge_headers(scope["headers"])
        request_id = request_id_from(headers)
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
                refused=refused or refuse_encoded(content, headers),
            )
            self._host.check(headers.get(b"host", b""), scope["http_version"])
            if refused is not None:
                # The rest of the body is not read, so the connection closes: the client must not send another request
                # on it.
                inbound.reply_headers.update(CLOSE)
            route = self._direct.get((inbound.method, inbound.path))
            if (route is None or b"%" in scope["raw_path"]) and not is_written_as_a_route(scope):
                inbound.refuse_unread()
                raise Problem("not_found")  # noqa: TRY301 -- handled like any other refusal
            if route is None:
                self._reject_early(inbound)
                await self._call_framework(scope, inbound, receive, send)
                return
            reply = await route(inbound)
            inbound.refuse_unread()
        except Exception as error:  # noqa: BLE001 -- every exception becomes an error response
            accept = headers.get(b"accept")
            reply = self._problem_response(
                to_problem(error), scope["path"], None if accept is None else accept.decode("latin-1"), request_id
            )
        further = inbound.reply_headers if inbound else {}
        await _send(send, reply, request_id, {**further, **self._closing_headers()})

    def _handled_method(self, scope: Any) -> Any:  # noqa: ANN401 -- ASGI's scope is an open dictionary
        """Return the method as which the request is handled and counted."""
        if scope["method"] == "HEAD":  # the server omits the body (RFC 9110 §9.3.2)
            return "GET"
        return self._any_method.get(scope["path"], scope["method"])

    def _closing_headers(self) -> dict[str, str]:
        """Return the header that makes a client close its connection while this process shuts down."""
        return CLOSE if self._draining.began else {}

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
                common = missing_common([name for name, _ in message["headers"]])
                common += [(b"x-request-id", inbound.request_id.encode()), *encode_headers(inbound.reply_headers)]
                common += encode_headers(self._closing_headers())
                message["headers"] = [*message["headers"], *common]
            await send(message)

        await self._inner(scope, replay, with_common_headers)


def _peer(scope: Any) -> str | None:  # noqa: ANN401 -- see above
    client = scope.get("client")
    return None if client is None else client[0]


async def _read(receive: Receive, headers: Mapping[bytes, bytes]) -> tuple[bytes, Problem | None]:
    """Return the body, or the reason why it was not read, which is raised only after the key was checked."""
    try:
        return await read_body(receive, headers), None
    except Problem as problem:
        return b"", problem


async def _send(send: Send, reply: RawResponse, request_id: str, further: Mapping[str, str]) -> None:
    given = encode_headers(reply.headers)
    headers = [
        *missing_common([name for name, _ in given]),
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    headers += given
    headers += encode_headers(further)
    start: Any = {"type": "http.response.start", "status": reply.status, "headers": headers}
    end: Any = {"type": "http.response.body", "body": reply.body, "more_body": False}
    await send(start)
    await send(end)
