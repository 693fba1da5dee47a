"""Mapping of failures between the gateway and an MCP server to the errors of this package."""

import ssl

import anyio
import httpcore2
import msgspec

from gateway.errors import GatewayError, UpstreamConnectionLost, UpstreamError, UpstreamUnreachable
from gateway.redaction import redacted_text, unescaped
from gateway.wire.messages import Malformed, RpcError

NO_CONNECTION = (httpcore2.ConnectError, httpcore2.ConnectTimeout)
CONNECTION_BROKE = (httpcore2.NetworkError, httpcore2.RemoteProtocolError)

_HINTS = {
    401: "It refused the stored credential (HTTP 401)",
    403: "It refused the stored credential (HTTP 403)",
    404: "It has nothing at this endpoint URL (HTTP 404)",
    405: "It takes no POST at this endpoint URL (HTTP 405)",
    429: "It received too many requests (HTTP 429)",
}
_TEXT_TYPES = frozenset({"application/json", "application/problem+json", "text/plain"})
_CLOSED_EARLY = (
    "Server disconnected without sending a response."  # httpcore2's message for a connection closed while idle
)


class HttpRefusal(Exception):
    """The server responded with an HTTP error and no JSON-RPC message."""

    def __init__(self, status: int, body: bytes, media_type: str = "application/json") -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.media_type = media_type


class UnreadableResponse(Exception):
    """The response violates the protocol. The message explains how and may be shown to the caller."""


class ErrorMapping:
    """Mapping from exceptions to GatewayErrors for one upstream, whose secrets are redacted in every text."""

    def __init__(self, secrets: tuple[str, ...], text_max: int) -> None:
        self._secrets = secrets
        self._text_max = text_max

    def text(self, text: str) -> str:
        """Return an upstream's text in a form that the caller may see."""
        return redacted_text(text, self._secrets, self._text_max)

    def of(self, error: Exception) -> GatewayError:  # noqa: PLR0911 -- one line for each group of errors
        match error:
            case GatewayError():
                return error
            case RpcError():
                return UpstreamError(self.message_of(error))
            case HttpRefusal():
                return UpstreamError(self._refused(error))
            case UnreadableResponse():
                return UpstreamError(self.text(str(error)))
            case httpcore2.ConnectError() | httpcore2.ConnectTimeout():
                return UpstreamUnreachable(_why_no_connection(error))
            case httpcore2.RemoteProtocolError() if str(error) != _CLOSED_EARLY:
                return UpstreamError("It does not speak HTTP properly.")
            case httpcore2.NetworkError() | httpcore2.RemoteProtocolError():
                return UpstreamConnectionLost()
            case (
                Malformed() | msgspec.DecodeError() | RecursionError() | UnicodeError() | httpcore2.LocalProtocolError()
            ):
                return UpstreamError("Its answer does not follow the protocol.")
            case OSError() | anyio.BrokenResourceError() | anyio.ClosedResourceError() | ssl.SSLError():
                return UpstreamConnectionLost()
            case _:
                raise error

    def message_of(self, error: RpcError) -> str:
        """Return the code and message of the server."""
        return f"It said: {self.text(error.message) or 'nothing'} (JSON-RPC {error.code})"

    def _refused(self, refusal: HttpRefusal) -> str:
        hint = _HINTS.get(refusal.status, f"It answered HTTP {refusal.status}")
        words = unescaped(refusal.body) if refusal.media_type in _TEXT_TYPES else ""
        shown = self.text(words).strip()
        return f"{hint} and said: {shown}" if shown else f"{hint}."


def _why_no_connection(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid: {cause.verify_message}."
    if isinstance(cause, ssl.SSLError):
        return "It does not speak TLS properly."
    if isinstance(error, httpcore2.ConnectTimeout):
        return "Nothing answers at its address."
    return "Nothing accepts connections at its address."
