"""JSON-RPC 2.0 messages, whose results and arguments keep the exact bytes that were sent."""

import json
import math
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.redaction import unescaped

PARSE_FAILED = "Its answer is not a JSON-RPC message."
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

RequestId = int | str


class Malformed(Exception):
    """The bytes are no JSON-RPC message."""


class RpcError(Exception):
    """The server answered with a JSON-RPC error. `message` holds its words as they came: never show them unredacted."""

    def __init__(self, code: int, message: str, data: Any) -> None:  # noqa: ANN401 -- any JSON value
        super().__init__(code)
        self.code = code
        self.message = message
        self.data = data


class Response(Struct, frozen=True):
    """The response to a request: `result` as it was sent, or the error."""

    id: RequestId | None
    result: bytes | None
    error: RpcError | None


class ServerRequest(Struct, frozen=True):
    """A request that the server sends while it processes ours."""

    id: RequestId
    method: str


class _Message(Struct):
    id: int | float | str | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


_messages: msgspec.json.Decoder[_Message | list[_Message]] = msgspec.json.Decoder(_Message | list[_Message])
_NULL = b"null"


def request(id_: RequestId, method: str, params: bytes) -> bytes:
    """Return a request with `params`, an encoded JSON object."""
    return b'{"jsonrpc":"2.0","id":%s,"method":%s,"params":%s}' % (_encoded(id_), _encoded(method), params)


def notification(method: str) -> bytes:
    return b'{"jsonrpc":"2.0","method":%s}' % _encoded(method)


def reply(to: ServerRequest) -> bytes:
    """Return the reply to a request of the server: an empty result for `ping`, else the error that no method exists."""
    if to.method == "ping":
        return b'{"jsonrpc":"2.0","id":%s,"result":{}}' % _encoded(to.id)
    error = {"code": METHOD_NOT_FOUND, "message": "Method not found"}
    return b'{"jsonrpc":"2.0","id":%s,"error":%s}' % (_encoded(to.id), _encoded(error))


def decoded(body: bytes) -> list[Response | ServerRequest]:
    """Return the responses and requests in `body`, without notifications. Raise `Malformed`."""
    try:
        found = _messages.decode(readable(body))
    except (msgspec.DecodeError, RecursionError):
        raise Malformed from None
    return [read for message in (found if isinstance(found, list) else [found]) if (read := _read(message)) is not None]


def readable(body: bytes) -> bytes:
    """Return `body` if it is strict JSON in UTF-8, else the same value encoded so. Raise `Malformed`.

    Some servers send values that JSON lacks: NaN and Infinity become null, and half a surrogate pair becomes U+FFFD.
    """
    try:
        body.decode()
        msgspec.json.decode(body, type=Raw)
    except (UnicodeDecodeError, RecursionError):
        raise Malformed from None
    except msgspec.DecodeError:
        try:
            value = json.loads(body, parse_constant=_nothing, parse_float=_finite)
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        except (ValueError, RecursionError):
            raise Malformed from None
    return body


def members(result: bytes) -> dict[str, Raw]:
    """Return the members of a JSON object, each as it was sent. Raise `Malformed` for any other value."""
    try:
        return msgspec.json.decode(result, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        raise Malformed from None


def _read(message: _Message) -> Response | ServerRequest | None:
    id_ = _request_id(message.id)
    if message.method is not UNSET:
        return None if id_ is None else ServerRequest(id_, message.method)
    error = UNSET if message.error is UNSET or bytes(message.error) == _NULL else bytes(message.error)
    if error is not UNSET:
        return Response(id_, None, _error(error))
    if message.result is UNSET:
        raise Malformed
    result = bytes(message.result)
    members(result)
    return Response(id_, result, None)


def _error(raw: bytes) -> RpcError:
    try:
        error = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        error = None
    if not isinstance(error, dict):
        return RpcError(0, unescaped(raw), None)
    fields = cast("dict[str, Any]", error)
    code, message = fields.get("code"), fields.get("message")
    return RpcError(
        code if isinstance(code, int) and not isinstance(code, bool) else 0,
        message if isinstance(message, str) else unescaped(raw),
        fields.get("data"),
    )


def _request_id(given: float | str | UnsetType | None) -> RequestId | None:
    """Return the id in the form that it was sent in: some servers return a number as a fraction, or as text."""
    if isinstance(given, float):
        return int(given) if given.is_integer() else str(given)
    return given if isinstance(given, (int, str)) else None


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def _nothing(_constant: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
