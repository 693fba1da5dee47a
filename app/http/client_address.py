"""The address of the client: the last one that no trusted proxy of ours vouches for.

`X-Forwarded-For` is read from the right, since only what our own proxies appended can be believed; its leftmost entry
is whatever the client wrote. Without trusted proxies the header is not read, and `Forwarded` (RFC 7239) never is:
a client that could write the one of two that the proxy does not write would choose its address.
"""

from collections.abc import Iterable

from domain.networks import Network, parse_address

_ENTRIES_MAX = 20


def client_address(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: tuple[Network, ...]
) -> str | None:
    """Return the client's address in canonical form; None where the connection has none, as over a Unix socket."""
    # The kernel may add a zone to the address of a neighbor (fe80::1%eth0). The zone is no part of the address.
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

    A proxy may add a line of its own instead of continuing the one before: all are one list (RFC 9110 §5.3). A list
    may have empty elements, which mean nothing (RFC 9110 §5.6.1).
    """
    lines = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
    entries = [entry.strip(" \t") for entry in lines.decode("latin-1").split(",")]
    return [entry for entry in entries if entry][-_ENTRIES_MAX:]
