"""One call's share of the connections: its credential goes out, its bytes are counted, its limits are kept."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import cast

import anyio
import anyio.lowlevel
import httpx2

from gateway.egress import Egress
from gateway.errors import GatewayError, ResponseTooLarge, UpstreamError
from gateway.upstream import Upstream, credential_header

_REDIRECTS = range(300, 400)


class Exchange(httpx2.AsyncBaseTransport):
    """The transport of a single call, over the shared `Egress`.

    The MCP SDK swallows some exceptions of a transport and carries on. So a broken limit is noted in `failure` and ends
    the whole call by cancelling `scope`.
    """

    def __init__(self, egress: Egress, upstream: Upstream, scope: anyio.CancelScope, response_bytes_max: int) -> None:
        self._egress = egress
        self._origin = _origin(httpx2.URL(upstream.endpoint_url))
        self._credential = credential_header(upstream.credential)
        self._scope = scope
        self._response_bytes_max = response_bytes_max
        self.response_bytes = 0
        self.status: int | None = None
        """The HTTP status of the latest response."""
        self.failure: GatewayError | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _origin(request.url) != self._origin:
            await self._fail(UpstreamError("It points to another server, which is not followed."))
        if self._credential is not None:
            name, value = self._credential
            request.headers[name] = value
        response = await self._egress.send(request)
        headers = httpx2.Headers(response.headers)
        self.status = response.status
        body = _Body(self, cast("AsyncIterable[bytes]", response.stream))
        try:
            if response.status in _REDIRECTS:
                await self._fail(UpstreamError(f"It answered with a redirect (HTTP {response.status}); {_REMEDY}"))
            if headers.get("content-encoding", "identity").lower() != "identity":
                # Not asked for. A few compressed bytes can unfold to gigabytes past every limit.
                await self._fail(UpstreamError("It answered with compressed data, which was not asked for."))
            declared = headers.get("content-length", "")
            if declared.isdecimal() and int(declared) > self._response_bytes_max - self.response_bytes:
                await self._fail(ResponseTooLarge())
        except BaseException:
            await body.aclose()
            raise
        return httpx2.Response(response.status, headers=headers, stream=body)

    async def count(self, received: int) -> None:
        """Count bytes of a body; ends the call when there are too many."""
        self.response_bytes += received
        if self.response_bytes > self._response_bytes_max:
            await self._fail(ResponseTooLarge())

    async def _fail(self, failure: GatewayError) -> None:
        self.failure = self.failure or failure
        self._scope.cancel()
        await anyio.lowlevel.checkpoint()  # raises the cancellation
        raise failure


_REMEDY = "register the URL that it leads to."


class _Body(httpx2.AsyncByteStream):
    def __init__(self, exchange: Exchange, stream: AsyncIterable[bytes]) -> None:
        self._exchange = exchange
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            await self._exchange.count(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
