"""IP addresses and networks: parsing, and containment of callers and of lists in lists.

`parse_address` parses every address from outside, and `parse_network` every network that is about to be stored or
configured. Both refuse spellings that two parsers could understand differently.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ADDRESS_LENGTH_MAX = 64
"""The longest spelling, `[…]:65535` around an IPv6 address that ends in an IPv4 one, has 53 characters."""
ADDRESS_EXPECTED = "Must be one IPv4 or IPv6 address, such as 203.0.113.7 or 2001:db8::7"

_IPV6_HOST_BITS = 64
"""A client has at least a /64 of IPv6 addresses (RFC 6177), so such a network counts as one client."""
_SITE_HOST_BITS = 80
"""A site has at most a /48 of IPv6 addresses, and often the whole of it (RFC 6177)."""
_MAPPED_PREFIX = 96
"""IPv4 addresses as IPv6 sockets show them, ::ffff:0:0/96 (RFC 4291 §2.5.5.2)."""
_PORT_MAX = 65_535

# Some proxies add the port: 203.0.113.7:443, [2001:db8::7]:443. An IPv6 address without brackets has no port.
_SPELLED = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<ipv4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")


def parse_address(text: str) -> Address | None:
    """Return the address that `text` spells, or None if it spells none or more than one.

    Surrounding blanks, the brackets of IPv6 and a port are removed. An IPv4-mapped address is returned as the IPv4
    address. A zone (`fe80::1%eth0`) is refused, because its meaning is local to one machine.
    """
    # Refuse longer texts before they fill the cache.
    return None if len(text) > ADDRESS_LENGTH_MAX else _parsed(text.strip(" \t"))


def client_network(ip: str | None) -> str:
    """Return the unit that counts as one client: an IPv4 address or an IPv6 network. Empty if there is no address."""
    address = parse_address(ip or "")
    if isinstance(address, IPv6Address):
        return str(int(address) >> _IPV6_HOST_BITS)
    return "" if address is None else str(address)


def site_network(ip: str | None) -> str:
    """Return the IPv6 network that counts as one site. Empty for an IPv4 address, and if there is no address."""
    address = parse_address(ip or "")
    return f"{int(address) >> _SITE_HOST_BITS}/48" if isinstance(address, IPv6Address) else ""


def parse_network(text: str) -> Network:
    """Return the network that `text` spells. The message of the ValueError suggests a correction.

    A network is an address with a prefix length, which a single address does not need. Masks are refused: one parser
    reads `10.0.0.0/0.0.0.0` as all addresses and another as a single one.
    """
    _, slash, prefix = text.partition("/")
    if slash and _PREFIX_LENGTH.fullmatch(prefix) is None:
        raise ValueError("Must have a prefix length after the slash instead of a mask, such as 10.0.0.0/8")
    try:
        return stored_network(text)
    except ValueError:
        raise ValueError(_network_hint(text)) from None


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks in `text`, which separates them with commas; ValueError names the one that is not valid."""
    networks: list[Network] = []
    for written in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(parse_network(written))
        except ValueError as error:
            raise ValueError(f"{written!r}: {error}. Write networks such as 10.0.0.0/8,::1/128") from None
    return tuple(networks)


def is_loopback_host(host: str) -> bool:
    """Return whether a URL with this host leads to the same machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@lru_cache(maxsize=10_000)
def stored_network(text: str) -> Network:
    """Return the network that a stored `text` spells, or raise ValueError if it spells none.

    The log still contains masks from before they were refused. An IPv4-mapped network is returned as the IPv4 network,
    because callers are compared as IPv4 too.
    """
    if "%" in text:
        raise ValueError("a scope is known to one machine only")
    parsed = ip_network(text)
    if isinstance(parsed, IPv6Network) and parsed.prefixlen >= _MAPPED_PREFIX:
        mapped = parsed.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, parsed.prefixlen - _MAPPED_PREFIX))
    return parsed


def is_allowed(ip: str | None, networks: tuple[str, ...]) -> bool:
    """Return whether a caller at `ip` is allowed. An empty list allows every caller, others only known addresses."""
    if not networks:
        return True
    address = None if ip is None else parse_address(ip)
    return address is not None and any(address in stored_network(text) for text in networks)


def networks_within(networks: tuple[str, ...], bound: tuple[str, ...]) -> bool:
    """Return whether `bound` allows every caller that `networks` allows, or False where this cannot be shown.

    Each network must be inside a single network of `bound`. A union of several networks is not considered.
    """
    if not bound:
        return True
    return bool(networks) and all(any(_inside(stored_network(n), stored_network(b)) for b in bound) for n in networks)


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> Address | None:
    spelled = _SPELLED.fullmatch(text)
    if "%" in text or (spelled is not None and int(spelled["port"] or 0) > _PORT_MAX):
        return None
    try:
        if spelled is not None and spelled["ipv6"] is not None:
            return _unmapped(IPv6Address(spelled["ipv6"]))
        return _unmapped(ip_address(text if spelled is None else spelled["ipv4"]))
    except ValueError:
        return None


def _network_hint(text: str) -> str:
    try:
        if "%" not in text:
            return f"Has host bits set; did you mean {stored_network(str(ip_network(text, strict=False)))}?"
    except ValueError:
        pass
    return "Must be an IPv4 or IPv6 network such as 10.0.0.0/8 or 2001:db8::/32"


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _inside(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
