"""The address of the client: that of the connection, or the one that a trusted proxy reports, read from the right."""

from ipaddress import ip_network

import pytest

from app.http.client_address import client_address
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def read(peer: str | None, *lines: str, trusted: bool = True) -> str | None:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return client_address(peer, headers, LOOPBACK if trusted else ())


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6", "203.0.113.7", "10.0.0.2"], "203.0.113.7"),
        ("127.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("203.0.113.9", ["6.6.6.6"], "203.0.113.9"),
        ("127.0.0.1", ["203.0.113.7, nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", [" 203.0.113.7 "], "203.0.113.7"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("::ffff:127.0.0.1", ["2001:DB8::0:7"], "2001:db8::7"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["203.0.113.7:51234"], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.7:51234, 10.0.0.2:443"], "203.0.113.7"),
        ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("fd00::1", ["[2001:db8::7]"], "2001:db8::7"),
        ("127.0.0.1", ["[::ffff:203.0.113.7]:443"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7:port"], "127.0.0.1"),
        ("127.0.0.1", ["2001:db8::7:123456"], "127.0.0.1"),
        ("127.0.0.1", ["[2001:db8::7"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7:65536"], "127.0.0.1"),
        ("127.0.0.1", ["[203.0.113.7]:443"], "127.0.0.1"),
        ("127.0.0.1", ["fe80::7%eth0"], "127.0.0.1"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("::ffff:203.0.113.7%eth0", [], "203.0.113.7"),
        ("127.0.0.1", ["::ffff:203.0.113.7%eth0"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7,"], "203.0.113.7"),
        ("127.0.0.1", [",203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7", ""], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7", " ", "\t"], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6, , 203.0.113.7 ,\t, 10.0.0.2,,"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7" + "," * 100], "203.0.113.7"),
        ("127.0.0.1", [",", ", ,"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, _obfuscated"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, unknown, 10.0.0.2,"], "10.0.0.2"),
        ("127.0.0.1", ["203.0.113.7 6.6.6.6"], "127.0.0.1"),
        ("127.0.0.1", ["\u00a0203.0.113.7"], "127.0.0.1"),
        ("fd00::1%eth0", ["203.0.113.7"], "203.0.113.7"),
        (None, ["203.0.113.7"], None),
        ("", ["203.0.113.7"], None),
    ],
)
def test_the_client_is_the_last_address_that_is_not_a_trusted_proxy(
    peer: str | None, lines: list[str], address: str | None
) -> None:
    assert read(peer, *lines) == address


def test_x_forwarded_for_is_ignored_without_trusted_proxies() -> None:
    assert read("127.0.0.1", "203.0.113.7", trusted=False) == "127.0.0.1"


def test_the_header_forwarded_is_ignored() -> None:
    headers = [(b"forwarded", b"for=6.6.6.6"), (b"x-forwarded-for", b"203.0.113.7")]
    assert client_address("127.0.0.1", headers, LOOPBACK) == "203.0.113.7"
    assert client_address("127.0.0.1", headers[:1], LOOPBACK) == "127.0.0.1"


def test_the_length_of_a_proxy_chain_is_limited() -> None:
    assert read("127.0.0.1", ", ".join(["203.0.113.7", *["10.0.0.2"] * 1_000])) == "10.0.0.2"


@pytest.fixture(scope="module")
def behind_proxies(start_api: StartApi) -> Api:
    return start_api(KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8")


def test_an_empty_element_of_x_forwarded_for_is_ignored(behind_proxies: Api) -> None:
    org = behind_proxies.organization()
    key = org.key(allowed_ips=["203.0.113.0/24"])
    lines = (["203.0.113.7,"], ["203.0.113.7", ""], ["", "203.0.113.7, , 10.1.1.1", ""], [",203.0.113.7:51234,"])
    for values in lines:
        raw = [(b"x-forwarded-for", value.encode()) for value in values]
        admitted = key.client.request("GET", key.check_path, raw_headers=raw)
        assert admitted.status == 200, values
    assert {use["ip"] for use in org.activity(key, type="api_key.used")} == {"203.0.113.7"}


def test_allowed_ips_are_compared_with_the_address_from_the_proxy(behind_proxies: Api) -> None:
    org = behind_proxies.organization()
    key = org.key(allowed_ips=["203.0.113.0/24"])
    assert key.client.get(key.check_path, x_forwarded_for="203.0.113.7").status == 200
    assert key.client.get(key.check_path, x_forwarded_for="203.0.113.7, 10.1.1.1").status == 200
    refused = key.client.get(key.check_path, x_forwarded_for="203.0.113.7, 198.51.100.1")
    assert (refused.status, refused.code) == (403, "ip_not_permitted")
    assert [use["ip"] for use in org.activity(key, type="api_key.used")] == [
        "198.51.100.1",
        "203.0.113.7",
        "203.0.113.7",
    ]


def test_a_client_cannot_choose_its_address_without_trusted_proxies(org: Organization) -> None:
    key = org.key(allowed_ips=["203.0.113.0/24"])
    refused = key.client.get(key.check_path, x_forwarded_for="203.0.113.7")
    assert (refused.status, refused.code) == (403, "ip_not_permitted")
    assert org.activity(key)[0]["ip"] == "127.0.0.1"
