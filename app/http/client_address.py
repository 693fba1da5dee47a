"""Client address: the last address in the chain that no trusted proxy vouches for.

`X-Forwarded-For` is read from the right, because only the entries that trusted proxies appended can be believed; the
client writes the leftmost entry itself. The header is ignored without trusted proxies, and `Forwarded` (RFC 7239) is
always ignored: if both counted, a client could choose its address with the header that the proxy does not set.
"""

from collections.abc import Iterable

from domain.networks import Network, parse_address

_ENTRIES_MAX = 20


def client_address(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: tuple[Network, ...]
) -> str | None:
    """Return the client's address in canonical form; None if the connection has none, as over a Unix socket."""
    # The kernel may add a zone to a link-local address (fe80::1%eth0). The zone is not part of the address.
    address = parse_address((peer or "").partition("%")[0])
    if not trusted or address is None:
        return None if address is None else str(address)
    for entry in reversed(_forwarded(headers)):
        if not any(address in network for network in trusted):
            break
        earlier = parse_address(entry)
        if earlier is None:
            break
        address = earlier
    return str(address)


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the last entries of `X-Forwarded-For`.

    A proxy may add a line instead of extending the existing one; all lines form one list (RFC 9110 §5.3). A list may
    have empty elements, which have no meaning (RFC 9110 §5.6.1).
    """
    lines = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
    entries = [entry.strip(" \t") for entry in lines.decode("latin-1").split(",")]
    return [entry for entry in entries if entry][-_ENTRIES_MAX:]
