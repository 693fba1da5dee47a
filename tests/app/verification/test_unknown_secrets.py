"""The limit on lookups of unknown foreign secrets."""

import pytest

from app.verification.unknown_secrets import (
    PER_ADDRESS,
    PER_SITE,
    PER_VERIFIER,
    Origin,
    UnknownSecrets,
    sent_from,
    verified_by,
)

SECRET, OTHER = b"digest", b"another digest"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> UnknownSecrets:
    return UnknownSecrets(clock)


def test_the_burst_is_looked_up_and_then_one_in_each_interval(table: UnknownSecrets, clock: Clock) -> None:
    origins = sent_from("192.0.2.1")
    for _ in range(PER_ADDRESS.burst):
        assert table.wait_seconds(origins, SECRET) == 0
        table.count(origins, SECRET, known=False)
    assert table.wait_seconds(origins, SECRET) == 1
    clock.now += 1 / PER_ADDRESS.per_second
    assert table.wait_seconds(origins, SECRET) == 0
    table.count(origins, SECRET, known=False)
    assert table.wait_seconds(origins, SECRET) == 1
    assert (table.unknown, table.refused, table.found) == (PER_ADDRESS.burst + 1, 2, 0)


def test_a_bucket_is_full_again_after_a_pause_and_no_fuller(table: UnknownSecrets, clock: Clock) -> None:
    origins = sent_from("192.0.2.1")
    _exhaust(table, origins)
    clock.now += 1_000_000
    for _ in range(PER_ADDRESS.burst):
        table.count(origins, SECRET, known=False)
    assert table.wait_seconds(origins, SECRET) == 1


def test_known_secrets_cost_nothing(table: UnknownSecrets) -> None:
    origins = sent_from("192.0.2.1")
    for _ in range(PER_ADDRESS.burst * 2):
        table.count(origins, SECRET, known=True)
    assert table.wait_seconds(origins, OTHER) == 0
    assert (table.found, table.unknown) == (PER_ADDRESS.burst * 2, 0)


def test_addresses_have_separate_allowances_and_a_network_of_ipv6_one(table: UnknownSecrets) -> None:
    _exhaust(table, sent_from("2001:db8::1"))
    assert table.wait_seconds(sent_from("2001:db8::ffff:1"), SECRET)
    assert not table.wait_seconds(sent_from("2001:db8:0:1::1"), SECRET)
    assert not table.wait_seconds(sent_from("192.0.2.1"), SECRET)
    assert not table.wait_seconds(sent_from(None), SECRET)


def test_a_secret_that_was_found_is_looked_up_although_its_address_has_no_allowance(table: UnknownSecrets) -> None:
    """Otherwise one client behind an address could have all others behind it refused."""
    origins = sent_from("192.0.2.1")
    table.count(origins, SECRET, known=True)
    _exhaust(table, origins, OTHER)
    assert table.wait_seconds(origins, SECRET) == 0
    assert table.wait_seconds(sent_from("192.0.2.1"), OTHER)
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", None), SECRET) == 0
    _exhaust(table, verified_by(b"key", None, "192.0.2.1"), OTHER)
    assert table.wait_seconds(verified_by(b"key", None, "192.0.2.1"), SECRET), "what others found is not known to a key"


def test_a_secret_that_is_no_longer_found_waits_again(table: UnknownSecrets) -> None:
    origins = sent_from("192.0.2.1")
    table.count(origins, SECRET, known=True)
    _exhaust(table, origins, SECRET)
    assert table.wait_seconds(origins, SECRET)


def test_a_site_of_ipv6_has_an_allowance_for_all_of_its_networks(table: UnknownSecrets) -> None:
    for number in range(PER_SITE.burst):
        origins = sent_from(f"2001:db8:0:{number:x}::1")
        assert table.wait_seconds(origins, SECRET) == 0
        table.count(origins, SECRET, known=False)
    assert table.wait_seconds(sent_from("2001:db8:0:ffff::1"), SECRET)
    assert not table.wait_seconds(sent_from("2001:db8:1::1"), SECRET)
    assert not table.wait_seconds(verified_by(b"key", None, "2001:db8:0:ffff::1"), SECRET)


def test_a_verifier_that_varies_its_own_address_of_ipv6_is_limited_by_its_site(table: UnknownSecrets) -> None:
    for number in range(PER_VERIFIER.burst):
        table.count(verified_by(b"key", f"2001:db8:0:{number:x}::1", None), SECRET, known=False)
    assert table.wait_seconds(verified_by(b"key", "2001:db8:0:ffff::1", None), SECRET)
    assert not table.wait_seconds(verified_by(b"key", "2001:db8:1::1", None), SECRET)


def test_a_verifier_that_varies_the_address_is_limited_by_its_connection(table: UnknownSecrets) -> None:
    for number in range(PER_VERIFIER.burst):
        origins = verified_by(b"key", "192.0.2.1", f"198.51.{number // 250}.{number % 250}")
        assert table.wait_seconds(origins, SECRET) == 0
        table.count(origins, SECRET, known=False)
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", "203.0.113.1"), SECRET)
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", None), SECRET)


def test_a_verifier_uses_up_only_its_own_allowance(table: UnknownSecrets) -> None:
    """Otherwise one organization could have the clients of another one refused."""
    _exhaust(table, verified_by(b"key", "192.0.2.1", "203.0.113.1"))
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", "203.0.113.1"), SECRET)
    assert not table.wait_seconds(verified_by(b"key", "192.0.2.1", "203.0.113.2"), SECRET)
    assert not table.wait_seconds(verified_by(b"other", "192.0.2.1", "203.0.113.1"), SECRET)
    assert not table.wait_seconds(sent_from("203.0.113.1"), SECRET)


def test_the_table_is_bounded(table: UnknownSecrets) -> None:
    for number in range(20_000):
        table.count(sent_from(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), SECRET, known=False)
    assert table.size == (10_000, 0)
    for number in range(30_000):
        table.count(sent_from("192.0.2.1"), str(number).encode(), known=True)
    assert table.size == (10_000, 20_000)


def _exhaust(table: UnknownSecrets, origins: tuple[Origin, ...], digest: bytes = SECRET) -> None:
    for _ in range(PER_ADDRESS.burst):
        table.count(origins, digest, known=False)
