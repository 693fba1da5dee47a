from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.addresses import address_allowed, network, networks_within


def v4(number: int, prefix: int) -> str:
    return str(IPv4Network((number, prefix), strict=False))


def v6(number: int, prefix: int) -> str:
    return str(IPv6Network((number, prefix), strict=False))


networks = st.builds(v4, st.integers(0, 2**32 - 1) | st.integers(0, 255), st.integers(0, 32)) | st.builds(
    v6,
    st.integers(0, 2**128 - 1) | st.integers(0, 255) | st.integers(0xFFFF << 32, 0xFFFFFF << 32),
    st.integers(0, 128),
)
lists = st.lists(networks, max_size=3).map(tuple)
addresses = st.ip_addresses() | st.integers(0, 255).map(IPv4Address) | st.integers(0, 255).map(IPv6Address)


@pytest.mark.parametrize(
    ("ip", "listed"),
    [
        ("10.1.2.3", ("10.0.0.0/8",)),
        ("10.1.2.3", ("192.0.2.0/24", "10.1.2.3")),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",)),
        ("::ffff:0a01:0203", ("10.1.2.3/32",)),
        ("10.1.2.3", ("::ffff:10.0.0.0/104",)),
        ("::ffff:10.1.2.3", ("::ffff:0:0/96",)),
        ("2001:db8::1", ("2001:db8::/32",)),
        ("2001:DB8:0:0::1", ("2001:db8::1",)),
        ("fe80::1%eth0", ("fe80::/10",)),
        ("10.1.2.3", ("0.0.0.0/0",)),
        ("2001:db8::1", ("::/0",)),
    ],
)
def test_a_caller_on_the_list_is_let_in(ip: str, listed: tuple[str, ...]) -> None:
    assert address_allowed(ip, listed)


@pytest.mark.parametrize(
    ("ip", "listed"),
    [
        ("11.0.0.1", ("10.0.0.0/8",)),
        ("10.1.2.3", ("::/0",)),
        ("::ffff:10.1.2.3", ("::/0",)),
        ("2001:db8::1", ("0.0.0.0/0",)),
        ("::10.1.2.3", ("10.0.0.0/8",)),
        ("64:ff9b::a01:203", ("10.0.0.0/8",)),
        ("2001:db9::1", ("2001:db8::/32", "10.0.0.0/8")),
        (None, ("0.0.0.0/0", "::/0")),
        ("", ("0.0.0.0/0",)),
        ("10.1.2.3, 10.1.2.4", ("0.0.0.0/0",)),
        ("10.1.2.3:443", ("0.0.0.0/0",)),
        ("010.1.2.3", ("0.0.0.0/0",)),
        ("167838211", ("0.0.0.0/0",)),
        ("unknown", ("0.0.0.0/0", "::/0")),
    ],
)
def test_a_caller_off_the_list_or_without_a_readable_address_is_not(ip: str | None, listed: tuple[str, ...]) -> None:
    assert not address_allowed(ip, listed)


@pytest.mark.parametrize("ip", ["10.1.2.3", "::1", "unknown", None])
def test_an_empty_list_lets_everyone_in(ip: str | None) -> None:
    assert address_allowed(ip, ())


@given(st.integers(0, 2**32 - 1), networks)
def test_a_mapped_caller_is_the_ipv4_caller(number: int, listed: str) -> None:
    mapped = IPv6Address((0xFFFF << 32) | number)
    assert address_allowed(str(mapped), (listed,)) == address_allowed(str(IPv4Address(number)), (listed,))


@given(lists, lists, addresses)
def test_networks_within_others_let_no_one_else_in(
    inner: tuple[str, ...], outer: tuple[str, ...], address: object
) -> None:
    assume(networks_within(inner, outer))
    ends = [str(end) for text in inner for end in (network(text)[0], network(text)[-1])]
    for ip in [str(address), *ends]:
        assert address_allowed(ip, outer) or not address_allowed(ip, inner)


@given(lists)
def test_a_list_lies_within_itself_and_within_everything(listed: tuple[str, ...]) -> None:
    assert networks_within(listed, listed)
    assert networks_within(listed, ())
    assert networks_within((), listed) == (listed == ())


def test_a_network_lies_within_one_of_its_family() -> None:
    assert networks_within(("10.1.0.0/16", "2001:db8:1::/48"), ("2001:db8::/32", "10.0.0.0/8"))
    assert networks_within(("::ffff:10.1.0.0/112",), ("10.0.0.0/8",))
    assert not networks_within(("10.0.0.0/8",), ("10.1.0.0/16",))
    assert not networks_within(("10.0.0.0/8",), ("::/0",))
    assert not networks_within(("::/0",), ("0.0.0.0/0",))
    assert not networks_within(("10.0.0.0/8", "11.0.0.0/8"), ("10.0.0.0/8",))


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::%1/64", "::ffff:0:0/95%1", "", "10.0.0.1/8"])
def test_what_is_no_network_of_every_machine_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the words are those of the standard library
        network(text)


def test_a_network_of_ipv6_around_the_mapped_ones_stays_ipv6() -> None:
    assert network("::/95").version == 6
    assert network("::ffff:0:0/96") == IPv4Network("0.0.0.0/0")
    assert ip_address("10.0.0.1") in network("::ffff:10.0.0.1/128")
