"""The address of a caller, in the one form that Keyledger accepts and records."""

import re
from ipaddress import IPv6Address, ip_address

_PORT_MAX = 65_535
_SPELLED = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<ipv4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")


def canonical_address(text: str | None) -> str | None:
    """Return the IPv4 or IPv6 address that `text` spells, or None if it spells none.

    Blanks, the brackets of IPv6, a port and the zone of the local machine (`%eth0`) are removed. An IPv4-mapped address
    is returned as the IPv4 address. A Unix socket has no address, but some servers invent a name for it.
    """
    text = (text or "").strip(" \t")
    bare = re.sub(r"%[^\]]*", "", text)
    spelled = _SPELLED.fullmatch(bare)
    if spelled is not None and int(spelled["port"] or 0) > _PORT_MAX:
        return None
    try:
        if spelled is not None and spelled["ipv6"] is not None:
            address = IPv6Address(spelled["ipv6"])
        else:
            address = ip_address(bare if spelled is None else spelled["ipv4"])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
