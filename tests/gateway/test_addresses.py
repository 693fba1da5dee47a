"""Public addresses, and URLs that may be registered."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import Address, embedded_ipv4, non_public_reason, refusal_reason
from gateway.endpoint import check_endpoint_url
from infrastructure.egress_policy import EgressPolicy

CLOSED = EgressPolicy()
LOOPBACK = EgressPolicy.parse("127.0.0.0/8, ::1/128")

NOT_PUBLIC_V4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
NOT_PUBLIC_V6 = [
    "::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "3fff::/20",
    "5f00::/16", "fc00::/7", "fec0::/10", "fe80::/10", "ff00::/8",
]  # fmt: skip


def inside(network: str) -> st.SearchStrategy[Address]:
    if ":" in network:
        return st.ip_addresses(v=6, network=IPv6Network(network))
    return st.ip_addresses(v=4, network=IPv4Network(network))


private_v4 = st.one_of([inside(network) for network in NOT_PUBLIC_V4]).map(lambda address: IPv4Address(int(address)))
private_v6 = st.one_of([inside(network) for network in NOT_PUBLIC_V6]).map(lambda address: IPv6Address(int(address)))


def spellings_v4(address: IPv4Address) -> list[str]:
    """Return every spelling that inet_aton reads as this address."""
    a, b, c, d = address.packed
    low = c * 256 + d
    lower = b * 65536 + low
    return [
        str(int(address)),
        hex(int(address)),
        oct(int(address)).replace("0o", "0"),
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{lower}",
        f"{a}.{b}.{low}",
        f"{a:#x}.{b}.0{c:o}.{d}",
        f"{a}.{b}.{c}.{d}.",
    ]


def spellings_v6(address: Address) -> list[str]:
    """Return IPv6 addresses that stand for this IPv4 address, or every spelling of an IPv6 address."""
    if isinstance(address, IPv6Address):
        return [address.compressed, address.exploded, address.exploded.upper()]
    high, low = int(address) >> 16, int(address) & 0xFFFF
    return [
        f"::ffff:{address}", f"::ffff:{high:x}:{low:x}", f"0:0:0:0:0:FFFF:{address}", f"::{address}",
        f"64:ff9b::{address}", f"64:ff9b::{high:x}:{low:x}", f"2002:{high:x}:{low:x}::1", f"::ffff:0:{address}",
        f"2001:0:{high:x}:{low:x}::1",
    ]  # fmt: skip


@given(private_v4)
def test_a_private_ipv4_address_is_refused_in_every_spelling(address: IPv4Address) -> None:
    assert non_public_reason(address)
    for spelling in [str(address), *spellings_v4(address)]:
        problem = check_endpoint_url(f"https://{spelling}/mcp", CLOSED)
        assert problem, spelling
    for spelling in spellings_v6(address):
        assert non_public_reason(ip_address(spelling)), spelling
        assert check_endpoint_url(f"https://[{spelling}]:8443/mcp", CLOSED), spelling


@given(private_v4)
def test_every_system_spelling_of_a_private_address_is_refused_when_connecting(address: IPv4Address) -> None:
    for spelling in spellings_v4(address)[:-1]:
        (found,) = socket.getaddrinfo(spelling, 1, type=socket.SOCK_STREAM)
        assert refusal_reason(ip_address(str(found[4][0])), CLOSED, encrypted=True)


@given(private_v6)
def test_a_private_ipv6_address_is_refused_in_every_spelling(address: IPv6Address) -> None:
    assert non_public_reason(address)
    for spelling in spellings_v6(address):
        assert check_endpoint_url(f"https://[{spelling}]/mcp", CLOSED), spelling


@given(st.ip_addresses())
def test_no_address_is_public_that_python_considers_private(address: Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_loopback:
        # An address that only embeds an IPv4 address is as public as that address.
        assert non_public_reason(address) or embedded_ipv4(address).is_global


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "9.255.255.255", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.255.255.254",
     "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2400:cb00::1"],
)  # fmt: skip
def test_a_public_address_is_allowed_only_over_tls(address: str) -> None:
    assert refusal_reason(ip_address(address), CLOSED, encrypted=True) is None
    assert refusal_reason(ip_address(address), CLOSED, encrypted=False) == "is reached over plain http"
    assert refusal_reason(ip_address(address), EgressPolicy(allow_http=True), encrypted=False) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_an_allowed_network_is_reached_over_http_too(address: str) -> None:
    assert refusal_reason(ip_address(address), CLOSED, encrypted=True)
    assert refusal_reason(ip_address(address), LOOPBACK, encrypted=False) is None
    assert refusal_reason(ip_address("10.0.0.1"), LOOPBACK, encrypted=True)


def test_an_allowed_network_can_be_written_as_mapped_ipv6() -> None:
    policy = EgressPolicy.parse("::ffff:127.0.0.0/104")
    assert refusal_reason(ip_address("127.9.9.9"), policy, encrypted=False) is None
    assert refusal_reason(ip_address("10.0.0.1"), policy, encrypted=True)


@pytest.mark.parametrize(
    "written", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/0.0.0.0", "10.0.0.0/0.255.255.255", "a,b"]
)
def test_an_invalid_network_is_named(written: str) -> None:
    with pytest.raises(ValueError, match=f"^{written.partition(',')[0]!r}: "):
        EgressPolicy.parse(written)
    assert EgressPolicy.parse(" ") == CLOSED


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "a whole URL"),
        ("example.com/mcp", "a whole URL"),
        ("//example.com/mcp", "a whole URL"),
        ("https:example.com", "a whole URL"),
        ("ftp://example.com/", "begin with https"),
        ("file:///etc/passwd", "begin with https"),
        ("http://example.com/mcp", "begin with https"),
        ("http://8.8.8.8/mcp", "begin with https"),
        ("https://user:secret@example.com/mcp", "auth_type"),
        ("https://@example.com/mcp", "auth_type"),
        ("https://example.com/mcp#part", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com/mcp?api_key=x", "use auth_type"),
        ("https://example.com/mcp?a=b&X-Auth-Token=x", "use auth_type"),
        ("https://example.com/mcp?token=", "use auth_type"),
        ("https://example.com/mcp?tavilyApiKey=x", "use auth_type"),
        ("https://example.com/mcp?tokens=all&keyspace=b", None),
        ("https:///mcp", "have a host"),
        ("https://:443/mcp", "have a host"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "port"),
        ("https://example.com:/x:y@z", "port"),
        ("https://example.com:port/", "port"),
        ("https://[::1/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://example..com/", "host"),
        ("https://-example.com/", "host"),
        ("https://exa mple.com/", "without spaces"),
        ("https://example.com\\@evil.example/", "backslashes"),
        ("https://127。0。0。1/", "punycode"),
        ("https://exämple.com/", "punycode"),
        ("https://example.com/\n", "without spaces"),
        ("https://ex%61mple.com/", "host"),
        ("https://localhost/mcp", "127.0.0.1 is this machine"),
        ("https://a.localhost./mcp", "127.0.0.1 is this machine"),
        ("https://169.254.169.254/latest", "KEYLEDGER_EGRESS_ALLOW=169.254.169.254/32"),
        ("https://[fd00:ec2::254]/latest", "KEYLEDGER_EGRESS_ALLOW=fd00:ec2::254/128"),
        ("https://2130706433/", "usual form"),
        ("https://0x7f.1/", "usual form"),
        ("https://example.com/" + "x" * 2048, "at most 2048"),
        ("https://example.com", None),
        ("HTTPS://Example.COM:8443/mcp?a=b", None),
        ("https://xn--exmple-cua.com/mcp", None),
        ("https://my_server.internal.example/mcp", None),
        ("https://8.8.8.8/mcp", None),
        ("https://[2606:4700::1111]:8443/mcp", None),
    ],
)
def test_a_refused_url_is_explained(url: str, message: str | None) -> None:
    problem = check_endpoint_url(url, CLOSED)
    if message is None:
        assert problem is None
    else:
        assert problem is not None
        assert message in problem


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/mcp", "http://localhost/mcp", "http://[::1]/mcp", "http://mcp/mcp"]
)
def test_an_allow_list_permits_plain_http(url: str) -> None:
    assert check_endpoint_url(url, CLOSED)
    assert check_endpoint_url(url, LOOPBACK) is None


@given(
    st.text(alphabet="htps:/@#?[]%.\\abx0127 _-~é。", max_size=30),
    st.sampled_from(["", "https://", "https://example.com"]),
)
def test_an_accepted_url_is_parsed_identically_by_the_client(text: str, start: str) -> None:
    url = start + text
    if check_endpoint_url(url, LOOPBACK) is None:
        parsed = httpx2.URL(url)
        assert parsed.scheme in {"http", "https"}
        assert not parsed.userinfo
        assert not parsed.fragment
        assert parsed.host
        assert url.lower().startswith((f"{parsed.scheme}://{parsed.host}", f"{parsed.scheme}://[{parsed.host}]"))
