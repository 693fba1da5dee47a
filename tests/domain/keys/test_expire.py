import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.keys.commands import DisableKey, ExpireKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyHasExpired, KeyNotFound
from domain.keys.events import KeyEnabled, KeyEvent, KeyExpirationChanged, KeyExpired
from domain.keys.state import Expired
from tests.domain.sample import CREATED, DISABLED, ENABLE, EXPIRED, REVOKED, ROTATED, at
from tests.given import given

EXPIRING = replace(CREATED, expires_at=at(3600))


def test_a_key_expires_at_its_instant_and_not_a_moment_before() -> None:
    given(KEY, EXPIRING).when(ExpireKey(at(3599.999999))).then_nothing()
    given(KEY, EXPIRING).when(ExpireKey(at(3600))).then(KeyExpired(at(3600)))
    given(KEY, EXPIRING).when(ExpireKey(at(9999))).then(KeyExpired(at(9999)))


def test_a_disabled_key_expires_too() -> None:
    given(KEY, EXPIRING, DISABLED).when(ExpireKey(at(3600))).then(KeyExpired(at(3600)))


def test_a_key_without_expiry_never_expires() -> None:
    given(KEY, CREATED).when(ExpireKey(at(10**9))).then_nothing()
    given(KEY, EXPIRING, KeyExpirationChanged(None)).when(ExpireKey(at(10**9))).then_nothing()


def test_a_key_expires_once_and_a_revoked_one_not_at_all() -> None:
    given(KEY, EXPIRING, EXPIRED).when(ExpireKey(at(9999))).then_nothing()
    given(KEY, EXPIRING, REVOKED).when(ExpireKey(at(9999))).then_nothing()


def test_a_key_that_never_was_can_not_expire() -> None:
    given(KEY).when(ExpireKey(at(3600))).then_refused(KeyNotFound)


def test_an_expired_key_is_neither_disabled_nor_enabled() -> None:
    given(KEY, EXPIRING, EXPIRED).when(DisableKey(at(60))).then_refused(KeyHasExpired)
    given(KEY, EXPIRING, EXPIRED).when(ENABLE).then_refused(KeyHasExpired)


def test_the_state_says_when_it_was_recorded() -> None:
    state = KEY.fold([EXPIRING, EXPIRED])
    assert isinstance(state, Expired)
    assert (state.expired_at, state.key.expires_at, state.key.revision) == (at(30), at(3600), 2)


@pytest.mark.parametrize(
    "event",
    [CREATED, KeyExpirationChanged(None), ROTATED, DISABLED, KeyEnabled(at(60)), EXPIRED],
    ids=lambda event: type(event).__name__,
)
def test_a_history_in_which_an_expired_key_lives_on_is_impossible(event: KeyEvent) -> None:
    with pytest.raises(ImpossibleHistory):
        KEY.fold([EXPIRING, EXPIRED, event])
