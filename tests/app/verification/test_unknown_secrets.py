"""The limit on lookups of unknown foreign secrets."""

import pytest

from app.verification.unknown_secrets import (
    PER_ADDRESS,
    PER_VERIFIER,
    Origin,
    UnknownSecrets,
    sent_from,
    verified_by,
)


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
        assert table.wait_seconds(origins) == 0
        table.count(origins, known=False)
    assert table.wait_seconds(origins) == 1
    clock.now += 1 / PER_ADDRESS.per_second
    assert table.wait_seconds(origins) == 0
    table.count(origins, known=False)
    assert table.wait_seconds(origins) == 1
    assert (table.unknown, table.refused, table.found) == (PER_ADDRESS.burst + 1, 2, 0)


def test_a_bucket_is_full_again_after_a_pause_and_no_fuller(table: UnknownSecrets, clock: Clock) -> None:
    origins = sent_from("192.0.2.1")
    _exhaust(table, origins)
    clock.now += 1_000_000
    for _ in range(PER_ADDRESS.burst):
        table.count(origins, known=False)
    assert table.wait_seconds(origins) == 1


def test_known_secrets_cost_nothing(table: UnknownSecrets) -> None:
    origins = sent_from("192.0.2.1")
    for _ in range(PER_ADDRESS.burst * 2):
        table.count(origins, known=True)
    assert table.wait_seconds(origins) == 0
    assert (table.found, table.unknown) == (PER_ADDRESS.burst * 2, 0)


def test_addresses_have_separate_allowances_and_a_network_of_ipv6_one(table: UnknownSecrets) -> None:
    _exhaust(table, sent_from("2001:db8::1"))
    assert table.wait_seconds(sent_from("2001:db8::ffff:1"))
    assert not table.wait_seconds(sent_from("2001:db8:0:1::1"))
    assert not table.wait_seconds(sent_from("192.0.2.1"))
    assert not table.wait_seconds(sent_from(None))


def test_a_verifier_that_varies_the_address_is_limited_by_its_connection(table: UnknownSecrets) -> None:
    for number in range(PER_VERIFIER.burst):
        origins = verified_by(b"key", "192.0.2.1", f"198.51.{number // 250}.{number % 250}")
        assert table.wait_seconds(origins) == 0
        table.count(origins, known=False)
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", "203.0.113.1"))
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", None))


def test_a_verifier_uses_up_only_its_own_allowance(table: UnknownSecrets) -> None:
    """Otherwise one organization could have the clients of another one refused."""
    _exhaust(table, verified_by(b"key", "192.0.2.1", "203.0.113.1"))
    assert table.wait_seconds(verified_by(b"key", "192.0.2.1", "203.0.113.1"))
    assert not table.wait_seconds(verified_by(b"key", "192.0.2.1", "203.0.113.2"))
    assert not table.wait_seconds(verified_by(b"other", "192.0.2.1", "203.0.113.1"))
    assert not table.wait_seconds(sent_from("203.0.113.1"))


def test_the_table_is_bounded(table: UnknownSecrets) -> None:
    for number in range(20_000):
        table.count(sent_from(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), known=False)
    assert table.size == 10_000


def _exhaust(table: UnknownSecrets, origins: tuple[Origin, ...]) -> None:
    for _ in range(PER_ADDRESS.burst):
        table.count(origins, known=False)
