"""Validation of a URL before it is registered as an MCP server's endpoint.

The check gives the caller early feedback. Every connection checks again, with the current addresses of the name
(`egress.py`). Only spellings that every URL parser reads in the same sense are accepted.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.addresses import Address, allow_hint, refusal_reason
from gateway.url_credentials import credential_in
from infrastructure.egress_policy import EgressPolicy

SEALED = "use auth_type and its fields, such as auth_type query with auth_parameter and auth_token"
SIGNED = "leave it out, and verify the signature of each message"

_URL_MAX = 2048
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?P<authority>[^/?#]*)"
    r"(?P<rest>[/?][^#]*)?"
    r"(?P<fragment>#.*)?\Z"
)
# RFC 3986 §2: the characters of a URL. No space, backslash, control character or letter outside ASCII.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*\Z")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:(?P<port>[0-9]{1,5}))?\Z")
# RFC 1123 §2.1, plus the underscore, which container networks use in names.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_\-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_\-]{0,61}[a-z0-9_])?)*\Z")
# Numbers that inet_aton accepts as addresses although they do not look like one: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")
_PORT_MAX = 65535


def check_endpoint_url(url: str, policy: EgressPolicy, *, remedy: str = SEALED) -> str | None:  # noqa: PLR0911
    """Return what is wrong with `url` and what to do about it, or None if it may be registered.

    `remedy`: what the caller should do with a credential instead.
    """
    if len(url) > _URL_MAX:
        return f"Must be at most {_URL_MAX} characters"
    if not _CHARACTERS.match(url):
        return (
            "Must be a URL in ASCII without spaces or backslashes; write other letters percent-encoded or in punycode"
        )
    parts = _URL.match(url)
    if parts is None:
        return "Must be a whole URL, such as https://example.com/mcp"
    if parts["fragment"] is not None:
        return "Must not contain a fragment; leave out # and what follows"
    secret = credential_in(parts["rest"] or "")
    if secret is not None:
        return f"Must not carry a credential ({secret}): everyone sees the address, and the log keeps it; {remedy}"
    scheme = parts["scheme"].lower()
    if scheme not in {"https", "http"}:
        return "Must begin with https://"
    return _check_authority(parts["authority"], policy, encrypted=scheme == "https")


def _check_authority(written: str, policy: EgressPolicy, *, encrypted: bool) -> str | None:
    if "@" in written:
        return "Must not contain a user name or password; give the credential as auth_type and its fields"
    authority = _AUTHORITY.match(written)
    if authority is None or (authority["port"] is not None and not 1 <= int(authority["port"]) <= _PORT_MAX):
        return "Must have a host, and a port from 1 to 65535 if any, such as https://example.com:8443/mcp"
    return _check_host(authority["host"].lower(), policy, encrypted=encrypted)


def _check_host(host: str, policy: EgressPolicy, *, encrypted: bool) -> str | None:
    address = _literal(host)
    if address is not None:
        return _check_address(address, policy, encrypted=encrypted)
    name = host.removesuffix(".")
    if not _NAME.match(name):
        return "Must have a host, such as https://example.com/mcp"
    if _NUMBER.match(name.rpartition(".")[2]):
        return "Must have a name or an address in its usual form as host, such as 192.0.2.1 or [2001:db8::1]"
    if name == "localhost" or name.endswith(".localhost"):
        return _check_address(IPv4Address("127.0.0.1"), policy, encrypted=encrypted)
    if not encrypted and not policy.allow_http and not policy.allow:
        # If some networks are allowed, the name may resolve into one of them. The connection checks that.
        return "Must begin with https://"
    return None


def _check_address(address: Address, policy: EgressPolicy, *, encrypted: bool) -> str | None:
    if refusal_reason(address, policy, encrypted=encrypted) is None:
        return None
    if (reason := refusal_reason(address, policy, encrypted=True)) is not None:
        return f"Must be a public address, and {address} {reason}; {allow_hint(address)}"
    return "Must begin with https://"


def _literal(host: str) -> Address | None:
    """Return the address in `host` if it is one in its usual form."""
    try:
        if host.startswith("["):
            return IPv6Address(host.strip("[]"))
        address = ip_address(host)
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None
