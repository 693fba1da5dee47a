"""What an exception from the MCP SDK or from the connection below it means in this package's words."""

import ssl
from collections.abc import Iterator

import httpcore2
from mcp import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR

from gateway.errors import GatewayError, UpstreamConnectionLost, UpstreamError, UpstreamUnreachable
from gateway.redaction import redacted_text

# What the SDK's transport writes in place of an HTTP error; the status, which it does not pass on, says more.
_STAND_INS = frozenset({"Server returned an error response", "Not Found", "Session terminated"})
_HTTP_ERRORS = 400
_HINTS = {
    401: "It refused the stored credential (HTTP 401).",
    403: "It refused the stored credential (HTTP 403).",
    404: "It has nothing at this endpoint URL (HTTP 404).",
    405: "It takes no POST at this endpoint URL (HTTP 405).",
    429: "It is asked too often (HTTP 429).",
}
_CLOSED_EARLY = (
    "Server disconnected without sending a response."  # httpcore2's words for a connection closed in between
)


class Meaning:
    """Turns exceptions into GatewayErrors for one upstream, whose secrets stay out of every text."""

    def __init__(self, secrets: tuple[str, ...], text_max: int) -> None:
        self._secrets = secrets
        self._text_max = text_max

    def text(self, said: str) -> str:
        """Return what an upstream said in a form that may be shown."""
        return redacted_text(said, self._secrets, self._text_max)

    def of(self, error: BaseException, status: int | None) -> GatewayError:
        """Return the meaning of the first exception in `error` that has one. `status`: the latest HTTP status seen."""
        leaves = list(_leaves(error))
        for leaf in leaves:
            if isinstance(leaf, GatewayError):
                return leaf
        for leaf in leaves:
            match leaf:
                case httpcore2.ConnectError() | httpcore2.ConnectTimeout():
                    return UpstreamUnreachable(_why_no_connection(leaf))
                case httpcore2.RemoteProtocolError() if str(leaf) != _CLOSED_EARLY:
                    return UpstreamError("It does not speak HTTP properly.")
                case httpcore2.NetworkError() | httpcore2.RemoteProtocolError():
                    return UpstreamConnectionLost()
                case MCPError():
                    return self._of_protocol_error(leaf, status)
                case _:
                    continue
        # The rest is the SDK refusing a malformed answer: pydantic's ValidationError, RuntimeError, ValueError.
        return UpstreamError("Its answer does not follow the protocol.")

    def _of_protocol_error(self, error: MCPError, status: int | None) -> GatewayError:
        if status is not None and status >= _HTTP_ERRORS and error.message in _STAND_INS:
            return UpstreamError(_HINTS.get(status, f"It answered HTTP {status}."))
        if error.code == CONNECTION_CLOSED:
            return UpstreamConnectionLost()
        if error.code == PARSE_ERROR and error.message.startswith("Failed to parse"):
            return UpstreamError("Its answer is not a JSON-RPC message.")
        return UpstreamError(f"It said: {self.text(error.message)} (JSON-RPC {error.code})")


def is_refusal_of_parameters(error: MCPError) -> bool:
    """Whether the server says that the name or the arguments are wrong, rather than that something broke."""
    return error.code in {INVALID_PARAMS, METHOD_NOT_FOUND} and error.message not in _STAND_INS


def _why_no_connection(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid: {cause.verify_message}."
    if isinstance(cause, ssl.SSLError):
        return "It does not speak TLS properly."
    return "Nothing accepts connections at its address."


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Walk an ExceptionGroup, in which the SDK's task groups wrap whatever went wrong, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            yield from _leaves(inner)  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield error
