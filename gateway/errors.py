"""Errors of calls to an upstream MCP server.

The docstring is the message. `detail` adds what else is known, in this program's words or the upstream's. The
upstream's text is shortened and its credential is redacted, so that the caller may see it.
"""

from collections.abc import Mapping
from typing import ClassVar


class GatewayError(Exception):
    """The call to the MCP server failed."""

    code: ClassVar[str]
    """The error code of the API's response."""
    http_status: ClassVar[int]
    """The status of the API's response."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.latency_ms = 0
        """Time that the server had taken when the call failed: failed calls are recorded too. Set by the gateway."""
        self.response_bytes = 0
        """Bytes of response bodies that had arrived by then. Set by the gateway."""
        self.retry_after_seconds: int | None = None
        """The delay that the server requests before another call, if any. Set by the gateway."""

    def __str__(self) -> str:
        message = (type(self).__doc__ or "").splitlines()[0]
        return " ".join((message, *self._known))

    @property
    def explanation(self) -> str:
        """Return the message without its first sentence, the docstring, unless nothing else is known."""
        return " ".join(self._known) or str(self)

    @property
    def _known(self) -> list[str]:
        retry = "" if self.retry_after_seconds is None else f"Retry in {self.retry_after_seconds} s."
        return [part for part in (self.detail, retry) if part]


class TooManyCalls(GatewayError):
    """Too many calls to this MCP server are running or waiting. The call was not sent. Retry after a moment."""

    code = "rate_limited"
    http_status = 429


class UpstreamUnreachable(GatewayError):
    """Could not connect to the MCP server."""

    code = "mcp_unreachable"
    http_status = 502


class EgressRefused(UpstreamUnreachable):
    """The gateway is not allowed to connect to the address of this MCP server."""


class UpstreamError(GatewayError):
    """The MCP server did not return a valid response."""

    code = "mcp_error"
    http_status = 502


class UpstreamConnectionLost(UpstreamError):
    """The connection to the MCP server was lost before it responded. The call may have run."""


class HeadersMissing(UpstreamError):
    """The MCP server requires some arguments of this tool in headers too. Retry after a moment."""


class ResponseTooLarge(UpstreamError):
    """The response of the MCP server is too large to be passed on. The call may have run."""


class UpstreamTimeout(GatewayError):
    """The MCP server did not respond in time. It may still complete the call."""

    code = "mcp_timeout"
    http_status = 504

    def __init__(self, detail: str | None = None, *, waited_seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.waited_seconds = waited_seconds
        """How long the server had: the limit of the call minus the time spent in the gateway's queue."""


class ToolNotFound(GatewayError):
    """The MCP server has no tool of this name."""

    code = "not_found"
    http_status = 404


class ResourceNotFound(GatewayError):
    """The MCP server has no resource at this URI."""

    code = "not_found"
    http_status = 404


class InvalidArguments(GatewayError):
    """The MCP server rejected the arguments."""

    code = "invalid_arguments"
    http_status = 422

    def __init__(self, detail: str | None = None, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.fields = dict(fields or {})
        """The error of each argument according to the tool's input schema: the `details` of the response."""
