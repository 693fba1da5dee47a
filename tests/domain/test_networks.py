from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.networks import (
    client_network,
    is_allowed,
    is_loopback_host,
    networks_within,
    parse_address,
    parse_network,
    parse_networks,
    site_network,
    stored_network,
)


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
        ("10.1.2.3:443", ("10.0.0.0/8",)),
        ("[2001:db8::1]:443", ("2001:db8::/32",)),
        ("10.1.2.3", ("0.0.0.0/0",)),
        ("2001:db8::1", ("::/0",)),
    ],
)
def test_a_caller_on_the_list_is_allowed(ip: str, listed: tuple[str, ...]) -> None:
    assert is_allowed(ip, listed)


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
        ("10.1.2.3:65536", ("0.0.0.0/0",)),
        ("fe80::1%eth0", ("::/0",)),
        ("010.1.2.3", ("0.0.0.0/0",)),
        ("167838211", ("0.0.0.0/0",)),
        ("unknown", ("0.0.0.0/0", "::/0")),
    ],
)
def test_a_caller_off_the_list_or_without_a_readable_address_is_not_allowed(
    ip: str | None, listed: tuple[str, ...]
) -> None:
    assert not is_allowed(ip, listed)


@pytest.mark.parametrize("ip", ["10.1.2.3", "::1", "unknown", None])
def test_an_empty_list_allows_every_caller(ip: str | None) -> None:
    assert is_allowed(ip, ())


@given(st.integers(0, 2**32 - 1), networks)
def test_an_ipv4_mapped_caller_equals_the_ipv4_caller(number: int, listed: str) -> None:
    mapped = IPv6Address((0xFFFF << 32) | number)
    assert is_allowed(str(mapped), (listed,)) == is_allowed(str(IPv4Address(number)), (listed,))


@given(lists, lists, addresses)
def test_networks_within_others_allow_no_further_callers(
    inner: tuple[str, ...], outer: tuple[str, ...], address: object
) -> None:
    assume(networks_within(inner, outer))
    bounds = [str(bound) for text in inner for bound in (stored_network(text)[0], stored_network(text)[-1])]
    for ip in [str(address), *bounds]:
        assert is_allowed(ip, outer) or not is_allowed(ip, inner)


@given(lists)
def test_a_list_is_within_itself_and_within_the_unrestricted_list(listed: tuple[str, ...]) -> None:
    assert networks_within(listed, listed)
    assert networks_within(listed, ())
    assert networks_within((), listed) == (listed == ())


def test_a_network_is_only_within_a_network_of_its_family() -> None:
    assert networks_within(("10.1.0.0/16", "2001:db8:1::/48"), ("2001:db8::/32", "10.0.0.0/8"))
    assert networks_within(("::ffff:10.1.0.0/112",), ("10.0.0.0/8",))
    assert not networks_within(("10.0.0.0/8",), ("10.1.0.0/16",))
    assert not networks_within(("10.0.0.0/8",), ("::/0",))
    assert not networks_within(("::/0",), ("0.0.0.0/0",))
    assert not networks_within(("10.0.0.0/8", "11.0.0.0/8"), ("10.0.0.0/8",))


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::%1/64", "::ffff:0:0/95%1", "", "10.0.0.1/8"])
def test_an_invalid_stored_network_raises(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the message is that of the standard library
        stored_network(text)


def test_an_ipv6_network_around_the_mapped_range_stays_ipv6() -> None:
    assert stored_network("::/95").version == 6
    assert stored_network("::ffff:0:0/96") == IPv4Network("0.0.0.0/0")
    assert ip_address("10.0.0.1") in stored_network("::ffff:10.0.0.1/128")


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("203.0.113.7:0", "203.0.113.7"),
        (" 203.0.113.7\t", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("2001:db8::1:443", "2001:db8::1:443"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("::203.0.113.7", "::cb00:7107"),
        ("::1", "::1"),
    ],
)
def test_an_address_has_one_canonical_form(spelled: str, canonical: str) -> None:
    assert str(parse_address(spelled)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "unix:",
        "unix:/run/api.sock",
        "/run/api.sock",
        "203.0.113.7,",
        "203.0.113.7, 10.0.0.2",
        "203.0.113.7 10.0.0.2",
        "203.0.113.7\n",
        "\u00a0203.0.113.7",
        "203.0.113.7:",
        "203.0.113.7:port",
        "203.0.113.7:65536",
        "203.0.113.7:\u0664\u0664\u0663",
        "203.0.113.7:80:80",
        "203.0.113.7/32",
        "203.0.113.007",
        "0313.0.113.7",
        "0xcb.0.113.7",
        "203.0.113",
        "203.0.113.7.",
        "203.0.113.256",
        "\u0662\u0660\u0663.0.113.7",
        "3405803783",
        "0xcb007107",
        "[203.0.113.7]",
        "[203.0.113.7]:80",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "[[2001:db8::1]]",
        "2001:db8::1/128",
        "2001:db8:::1",
        "2001:db8::12345",
        "fe80::1%eth0",
        "[fe80::1%25eth0]:443",
        "::ffff:203.0.113.7%eth0",
        "::ffff:203.0.113.007",
        "\0",
        "1" * 100_000,
    ],
)
def test_text_that_is_not_one_address_is_not_parsed(text: str) -> None:
    assert parse_address(text) is None


@given(st.ip_addresses())
def test_the_canonical_form_parses_to_itself(address: IPv4Address | IPv6Address) -> None:
    parsed = parse_address(str(address))
    assert parsed is not None
    assert parse_address(str(parsed)) == parsed
    bracketed = f"[{address}]" if address.version == 6 else str(address)
    assert parse_address(f"{bracketed}:51234") == parsed


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/0.255.255.255",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.0.0.0",
        "10.0.0.0/255.255.255.255",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "10.0.0.0/8/8",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "2001:db8::1/32",
        "2001:db8::/ffff:ffff::",
        "2001:db8::/129",
        "::ffff:0:0/95",
        "::ffff:10.0.0.1/104",
        "::ffff:10.0.0.0/8",
        "[2001:db8::]/32",
        "2001:db8::/32%1",
        "fe80::%eth0/64",
        "10.0.0.0:80/8",
        "010.0.0.0/8",
        "167772160/8",
        " 10.0.0.0/8",
        "10.0.0.0/8 ",
        "10.0.0.0/8,192.0.2.0/24",
        "10.0.0.0-10.0.0.255",
        "10.*",
        "",
    ],
)
def test_an_ambiguous_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(Must|Has host bits)"):
        parse_network(text)


@given(networks)
def test_a_network_in_cidr_notation_is_parsed(text: str) -> None:
    assert parse_network(text) == stored_network(text)


def test_masks_stored_by_earlier_versions_still_apply() -> None:
    assert is_allowed("10.1.2.3", ("10.0.0.0/0.255.255.255",))
    assert not is_allowed("11.1.2.3", ("10.0.0.0/255.0.0.0",))


@pytest.mark.parametrize("text", ["10.0.0.0/8,::1/128", " 10.0.0.0/8 , ::1 ,", "10.0.0.0/8,,::1/128"])
def test_a_list_of_networks_is_comma_separated(text: str) -> None:
    assert parse_networks(text) == (IPv4Network("10.0.0.0/8"), stored_network("::1/128"))


def test_an_empty_list_has_no_network() -> None:
    assert parse_networks("") == ()


def test_the_error_names_the_invalid_network_of_a_list() -> None:
    with pytest.raises(ValueError, match=r"^'10\.0\.0\.1/8': .*Write networks such as"):
        parse_networks("::1/128,10.0.0.1/8")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "not an address", True),
        (None, "192.0.2.1", False),
    ],
)
def test_a_client_is_an_ipv4_address_or_a_64_network_of_ipv6(
    one: str | None,
    other: str,
    is_same: bool,  # noqa: FBT001
) -> None:
    assert (client_network(one) == client_network(other)) is is_same


def test_a_site_is_a_48_network_of_ipv6() -> None:
    assert site_network("2001:db8:1:2::3") == site_network("2001:db8:1:ffff::4") != site_network("2001:db8:2::3")
    assert site_network("192.0.2.1") == site_network("::ffff:192.0.2.1") == site_network(None) == ""


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("192.0.2.1", False), ("localhost.example", False)],
)
def test_a_host_on_the_same_machine_is_recognized(host: str, expected: bool) -> None:  # noqa: FBT001
    assert is_loopback_host(host) is expected
