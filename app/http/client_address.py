"""Client address: the last address in the chain that no trusted proxy vouches for.

`X-Forwarded-For` is read from the right, because only the entries that trusted proxies appended can be believed; the
client writes the leftmost entry itself. The header is ignored without trusted proxies, and `Forwarded` (RFC 7239) is
always ignored: if both counted, a client could choose its address with the header that the proxy does not set.
"""

from collections.abc import Iterable
from functools import lru_cache

from domain.networks import Address, Network, parse_address

_ENTRIES_MAX = 20
_REMEMBERED_MAX = 4_096
_REMEMBERED_LENGTH_MAX = 200
"""Bytes of a header whose result is remembered. Longer ones are resolved each time, which bounds the memory."""


def client_address(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: tuple[Network, ...]
) -> str | None:
    """Return the client's address in canonical form; None if the connection has none, as over a Unix socket."""
    if not trusted:
        return _canonical(peer or "")
    # A proxy may add a line instead of extending the existing one; all lines form one list (RFC 9110 §5.3).
    lines = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
    find = _client_behind if len(lines) <= _REMEMBERED_LENGTH_MAX else _client_behind.__wrapped__
    return find(peer or "", lines, trusted)


@lru_cache(maxsize=_REMEMBERED_MAX)
def _canonical(peer: str) -> str | None:
    address = _peer_address(peer)
    return None if address is None else str(address)


@lru_cache(maxsize=_REMEMBERED_MAX)
def _client_behind(peer: str, lines: bytes, trusted: tuple[Network, ...]) -> str | None:
    address = _peer_address(peer)
    if address is None:
        return None
    for entry in reversed(_entries(lines)):
        if not any(address in network for network in trusted):
            break
        earlier = parse_address(entry)
        if earlier is None:
            break
        address = earlier
    return str(address)


def _peer_address(peer: str) -> Address | None:
    # The kernel may add a zone to a link-local address (fe80::1%eth0). The zone is not part of the address.
    return parse_address(peer.partition("%")[0])


def _entries(lines: bytes) -> list[str]:
    """Return the last entries of a list, which may have empty elements without a meaning (RFC 9110 §5.6.1)."""
    entries = [entry.strip(" \t") for entry in lines.decode("latin-1").split(",")]
    return [entry for entry in entries if entry][-_ENTRIES_MAX:]
