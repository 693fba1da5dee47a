"""HTTP transport of a single call: adds the credential, counts the received bytes and enforces the limits."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import httpcore2
import httpx2

from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.errors import ResponseTooLarge, UpstreamError
from gateway.redirects import refused_redirect
from gateway.retry_after import RETRY_AFTER_STATUS, retry_after_seconds
from gateway.upstream import Upstream, credential_header, credential_query
from infrastructure.clock import now

_REDIRECTS = range(300, 400)


class Exchange:
    """The requests of a single call to one endpoint, over the shared `Egress`.

    Cookies are kept for the length of the call, for servers that assign sessions to machines by cookie.
    """

    def __init__(self, egress: Egress, upstream: Upstream, config: GatewayConfig) -> None:
        self._egress = egress
        self._upstream = upstream
        self._cookies = httpx2.Cookies()
        self._response_bytes_max = config.response_bytes_max
        self._common = {
            "User-Agent": f"keyledger/{config.client_version}",
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
        }
        self.response_bytes = 0

    @asynccontextmanager
    async def send(self, method: str, headers: Mapping[str, str], content: bytes = b"") -> AsyncGenerator["Reply"]:
        """Send a request. The connection is released or closed when the block ends."""
        request = httpx2.Request(
            method, self._upstream.endpoint_url, headers={**self._common, **headers}, content=content or None
        )
        self._cookies.set_cookie_header(request)
        credential = credential_header(self._upstream.credential)
        if credential is not None:
            name, value = credential
            request.headers[name] = value
        # The request keeps its URL without the credential, because errors and log lines contain that URL.
        response = await self._egress.send(request, self._target(request.url))
        try:
            headers_received = httpx2.Headers(response.headers)
            self._check(response.status, headers_received)
            self._cookies.extract_cookies(httpx2.Response(response.status, headers=headers_received, request=request))
            yield Reply(self, response, headers_received)
        finally:
            await response.aclose()

    def _target(self, url: httpx2.URL) -> bytes:
        credential = credential_query(self._upstream.credential)
        if credential is None:
            return url.raw_path
        return url.raw_path + (b"&" if b"?" in url.raw_path else b"?") + credential.encode("ascii")

    def count(self, received: int) -> None:
        """Count bytes of a body. Raise `ResponseTooLarge` above the limit."""
        self.response_bytes += received
        if self.response_bytes > self._response_bytes_max:
            raise ResponseTooLarge

    def _check(self, status: int, headers: httpx2.Headers) -> None:
        if status in _REDIRECTS:
            raise refused_redirect(self._upstream, status, headers.get("location"))
        if headers.get("content-encoding", "identity").lower() != "identity":
            # The gateway did not request compression. A few compressed bytes can expand to gigabytes past every limit.
            raise UpstreamError("It sent compressed data, which was not requested.")
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._response_bytes_max - self.response_bytes:
            raise ResponseTooLarge


class Reply:
    """A response whose body has not been read yet."""

    def __init__(self, exchange: Exchange, response: httpcore2.Response, headers: httpx2.Headers) -> None:
        self._exchange = exchange
        self._response = response
        self.status = response.status
        self.headers = headers

    @property
    def media_type(self) -> str:
        """Return the media type of `Content-Type`, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def retry_after_seconds(self) -> float | None:
        """Return the delay that the server requests; None if it does not refuse temporarily or names no delay."""
        return retry_after_seconds(self._response.headers, now()) if self.status in RETRY_AFTER_STATUS else None

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in cast("AsyncIterable[bytes]", self._response.stream):
            self._exchange.count(len(chunk))
            yield chunk

    async def body(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])
