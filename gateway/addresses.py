"""Public IP addresses, and the reasons why an address may not be reached.

`ipaddress.is_global` is not used: its result differs between Python versions, and it treats multicast addresses and
addresses that embed a private IPv4 address (NAT64, 6to4, Teredo) as global. The lists are IANA's special-purpose
address registries (RFC 6890) of 2025, plus Azure's WireServer, which only looks public.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import assert_never

from infrastructure.egress_policy import EgressPolicy

Address = IPv4Address | IPv6Address

_IPV4_NOT_PUBLIC: Mapping[IPv4Network, str] = {
    IPv4Network("0.0.0.0/8"): "means this host",
    IPv4Network("10.0.0.0/8"): "is private",
    IPv4Network("100.64.0.0/10"): "is shared by a carrier's customers",
    IPv4Network("127.0.0.0/8"): "is this machine",
    IPv4Network("168.63.129.16/32"): "is a cloud's own service",  # Azure's WireServer, inside every virtual machine
    IPv4Network("169.254.0.0/16"): "is link-local, where clouds keep their metadata",
    IPv4Network("172.16.0.0/12"): "is private",
    IPv4Network("192.0.0.0/24"): "is reserved for protocols",
    IPv4Network("192.0.2.0/24"): "is for documentation",
    IPv4Network("192.88.99.0/24"): "is a 6to4 relay",
    IPv4Network("192.168.0.0/16"): "is private",
    IPv4Network("198.18.0.0/15"): "is for benchmarks",
    IPv4Network("198.51.100.0/24"): "is for documentation",
    IPv4Network("203.0.113.0/24"): "is for documentation",
    IPv4Network("224.0.0.0/4"): "is multicast",
    IPv4Network("240.0.0.0/4"): "is reserved",
}
# Inside 2000::/3, the only range that is allocated for use on the internet.
_IPV6_NOT_PUBLIC: Mapping[IPv6Network, str] = {
    IPv6Network("2001::/23"): "is reserved for protocols",  # Teredo (2001::/32) carries an IPv4 address; ORCHID, AMT
    IPv6Network("2001:db8::/32"): "is for documentation",
    IPv6Network("2002::/16"): "is 6to4, which carries an IPv4 address",
    IPv6Network("3fff::/20"): "is for documentation",
}
_IPV6_PUBLIC = IPv6Network("2000::/3")
# RFC 6052: how a host without IPv4 reaches an IPv4 address. It is as public as the embedded address.
_NAT64 = IPv6Network("64:ff9b::/96")


def refusal_reason(address: Address, policy: EgressPolicy, *, encrypted: bool) -> str | None:
    """Return why no connection may be made to `address`, as the rest of a sentence; None if it may be made.

    `encrypted`: whether the connection uses TLS. Plain http is limited to allowed networks unless the policy sets
    `allow_http`.
    """
    address = embedded_ipv4(address)
    if any(address.version == network.version and address in network for network in policy.allow):
        return None
    if (reason := non_public_reason(address)) is not None:
        return reason
    if not encrypted and not policy.allow_http:
        return "is reached over plain http"
    return None


def non_public_reason(address: Address) -> str | None:
    """Return why `address` is not public, as the rest of a sentence; None for a public address."""
    match embedded_ipv4(address):
        case IPv4Address() as ipv4:
            return next((what for network, what in _IPV4_NOT_PUBLIC.items() if ipv4 in network), None)
        case IPv6Address() as ipv6:
            if ipv6.is_loopback:
                return "is this machine"
            if ipv6.is_multicast:
                return "is multicast"
            if ipv6.is_link_local:
                return "is link-local"
            if ipv6 not in _IPV6_PUBLIC:
                return "is not handed out for use on the internet"
            return next((what for network, what in _IPV6_NOT_PUBLIC.items() if ipv6 in network), None)
        case _ as never:
            assert_never(never)


def embedded_ipv4(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 address (v4-mapped, NAT64), or `address` if there is none."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def allow_hint(address: Address) -> str:
    """Return the setting with which an operator can allow `address`, as the rest of a sentence."""
    network = ip_network(embedded_ipv4(address))
    return f"an operator can allow it with KEYLEDGER_EGRESS_ALLOW={network}"
