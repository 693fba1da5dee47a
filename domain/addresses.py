"""Lists of networks: which callers they let in, and which list lies within which."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_MAPPED_PREFIX = 96
"""RFC 4291 §2.5.5.2: ::ffff:0:0/96 holds the IPv4 addresses, as IPv6 sockets show them."""


@lru_cache(maxsize=10_000)
def network(text: str) -> Network:
    """The network that `text` spells; ValueError when it is none. An IPv4-mapped one is the IPv4 network it stands for.

    Callers are compared as IPv4 too, so that a mapped network does not shut everybody out.
    """
    if "%" in text:
        raise ValueError("a scope is known to one machine only")
    parsed = ip_network(text)
    if isinstance(parsed, IPv6Network) and parsed.prefixlen >= _MAPPED_PREFIX:
        mapped = parsed.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, parsed.prefixlen - _MAPPED_PREFIX))
    return parsed


def address_allowed(ip: str | None, networks: tuple[str, ...]) -> bool:
    """Whether a caller at `ip` is let in; an empty list lets everyone in, any other only known addresses."""
    if not networks:
        return True
    if ip is None:
        return False
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network(text) for text in networks)


def networks_within(networks: tuple[str, ...], bound: tuple[str, ...]) -> bool:
    """Whether every caller that `networks` lets in is let in by `bound`; False where that can not be shown.

    Each network has to lie in one network of `bound`; that several of them cover it together is not looked for.
    """
    if not bound:
        return True
    return bool(networks) and all(any(_inside(network(n), network(b)) for b in bound) for n in networks)


def _inside(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
