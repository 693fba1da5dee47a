"""The address of the client: the last one that no trusted proxy of ours vouches for.

`X-Forwarded-For` is read from the right, since only what our own proxies appended can be believed; its leftmost entry
is whatever the client wrote. Without trusted proxies the header is not looked at, and `Forwarded` (RFC 7239) never is:
whoever could write the one of two that the proxy does not would choose their address.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.policy import Network

_ENTRIES_MAX = 20

# Some proxies add the port: 203.0.113.7:443, [2001:db8::7]:443. A lone IPv6 address has more than one colon.
_WITH_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([^:]+))(?::\d{1,5})?")


def client_address(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: tuple[Network, ...]
) -> str | None:
    """The client's address in canonical form; None where the connection has none, as over a Unix socket."""
    address = _parse(peer or "")
    if not trusted or address is None:
        return None if address is None else str(address)
    # A proxy may add a line of its own instead of going on in the one before: all are one list (RFC 9110 §5.3).
    forwarded = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
    chain = forwarded.decode("latin-1").split(",")[-_ENTRIES_MAX:]
    for entry in reversed(chain):
        if not any(address in network for network in trusted):
            break
        earlier = _parse(entry)
        if earlier is None:
            break
        address = earlier
    return str(address)


@lru_cache(maxsize=4_096)
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    matched = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((matched[1] or matched[2]) if matched else text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    # A zone (fe80::1%eth0) is known to one machine only, and may say anything.
    return address.ipv4_mapped or IPv6Address(int(address))
