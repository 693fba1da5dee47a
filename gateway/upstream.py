"""An upstream MCP server and its credential. No `repr` in this module shows a secret."""

import base64
import re
from typing import assert_never
from urllib.parse import quote, quote_plus

import msgspec

# RFC 9110 §5.6.2 (token) and §5.5: the characters of a header's name and value. Any other could end the header early
# and start another one.
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}\Z")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,8190}[\x21-\x7e])?\Z")
_PARAMETER = re.compile(r"[A-Za-z0-9$@_.:\-\[\]]{1,100}\Z")
# Headers that belong to HTTP or to MCP itself; a credential under such a name would break or redirect the exchange.
_HEADERS_TAKEN = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    },
)


class NoCredential(msgspec.Struct, frozen=True, tag="none"):
    """The MCP server requires no credential."""


class Bearer(msgspec.Struct, frozen=True, tag="bearer"):
    """`Authorization: Bearer <token>` (RFC 6750)."""

    token: str

    def __repr__(self) -> str:
        return "Bearer(token=…)"


class ApiKey(msgspec.Struct, frozen=True, tag="api_key"):
    """`<header>: <value>`, for example `X-API-Key`."""

    header: str
    value: str

    def __repr__(self) -> str:
        return f"ApiKey(header={self.header!r}, value=…)"


class Basic(msgspec.Struct, frozen=True, tag="basic"):
    """`Authorization: Basic <base64 of username:password in UTF-8>` (RFC 7617)."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Basic(username=…, password=…)"


class Query(msgspec.Struct, frozen=True, tag="query"):
    """`?<parameter>=<value>`, for servers that accept their credential only in the URL.

    The credential is added to the URL when a request is sent. No URL that is stored, shown or logged contains it.
    """

    parameter: str
    value: str

    def __repr__(self) -> str:
        return f"Query(parameter={self.parameter!r}, value=…)"


Credential = NoCredential | Bearer | ApiKey | Basic | Query
"""A tagged union, so that `msgspec.json` can encode a credential before it is sealed, and decode it again."""


class Upstream(msgspec.Struct, frozen=True):
    """One MCP server as the gateway reaches it: its Streamable HTTP endpoint and the credential for it.

    `organization_id` and `mcp_id` determine whose slots its calls take (see `gateway/bulkheads.py`).
    """

    endpoint_url: str
    credential: Credential
    organization_id: str = ""
    mcp_id: str = ""


def credential_header(credential: Credential) -> tuple[str, str] | None:
    """Return the name and value of the credential's header; None if the credential is not sent in a header."""
    match credential:
        case NoCredential() | Query():
            return None
        case Bearer(token):
            return "Authorization", f"Bearer {token}"
        case ApiKey(header, value):
            return header, value
        case Basic(username, password):
            return "Authorization", "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        case _:
            assert_never(credential)


def credential_query(credential: Credential) -> str | None:
    """Return the encoded parameter to add to the query of each request; None if the credential is not in the query."""
    if not isinstance(credential, Query):
        return None
    return f"{quote(credential.parameter, safe='')}={quote(credential.value, safe='')}"


def credential_secrets(credential: Credential) -> tuple[str, ...]:
    """Return every form in which an upstream's text could contain the credential, longest first."""
    match credential:
        case NoCredential():
            return ()
        case Bearer(token):
            return (token,)
        case ApiKey(_, value):
            return (value,)
        case Query(_, value):
            forms = {quote(value, safe=""), quote(value), quote_plus(value), value}
            return tuple(sorted(forms, key=len, reverse=True))
        case Basic(username, password):
            encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
            return tuple(sorted((encoded, f"{username}:{password}", password), key=len, reverse=True))
        case _:
            assert_never(credential)


def check_credential(credential: Credential) -> dict[str, str]:
    """Return the problems of a credential by field of the API; empty if the credential is usable."""
    match credential:
        case NoCredential():
            return {}
        case Bearer(token):
            return {} if _HEADER_VALUE.match(token) else {"auth_token": _VALUE_PROBLEM}
        case ApiKey(header, value):
            return _check_name("auth_header", _header_problem(header), value)
        case Query(parameter, value):
            problem = None if _PARAMETER.match(parameter) else "Must be the name of a query parameter, such as apiKey"
            return _check_name("auth_parameter", problem, value)
        case Basic(username, password):
            problems: dict[str, str] = {}
            if not username or ":" in username or not username.isprintable():
                problems["auth_username"] = "Must be printable, not empty and without a colon (RFC 7617)"
            if not password or not password.isprintable():
                problems["auth_password"] = _PASSWORD_PROBLEM
            return problems
        case _:
            assert_never(credential)


def _check_name(field: str, problem: str | None, value: str) -> dict[str, str]:
    problems = {} if problem is None else {field: problem}
    return problems if _HEADER_VALUE.match(value) else {**problems, "auth_token": _VALUE_PROBLEM}


def _header_problem(header: str) -> str | None:
    name = header.lower()
    if not _HEADER_NAME.match(header):
        return "Must be the name of an HTTP header, such as X-API-Key"
    if name in _HEADERS_TAKEN or name.startswith("mcp-"):
        return "This header is used by HTTP or MCP itself; choose another, such as X-API-Key"
    return None


_VALUE_PROBLEM = "Must be 1 to 8192 printable ASCII characters, with no space at either end"
_PASSWORD_PROBLEM = "Must be printable and not empty"  # noqa: S105 - a message about one
