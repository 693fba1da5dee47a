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


def test_a_key_expires_exactly_at_its_expiry() -> None:
    given(KEY, EXPIRING).when(ExpireKey(at(3599.999999))).then_nothing()
    given(KEY, EXPIRING).when(ExpireKey(at(3600))).then(KeyExpired(at(3600)))
    given(KEY, EXPIRING).when(ExpireKey(at(9999))).then(KeyExpired(at(9999)))


def test_a_disabled_key_expires_too() -> None:
    given(KEY, EXPIRING, DISABLED).when(ExpireKey(at(3600))).then(KeyExpired(at(3600)))


def test_a_key_without_expiry_never_expires() -> None:
    given(KEY, CREATED).when(ExpireKey(at(10**9))).then_nothing()
    given(KEY, EXPIRING, KeyExpirationChanged(None)).when(ExpireKey(at(10**9))).then_nothing()


def test_a_key_expires_once_and_a_revoked_key_does_not_expire() -> None:
    given(KEY, EXPIRING, EXPIRED).when(ExpireKey(at(9999))).then_nothing()
    given(KEY, EXPIRING, REVOKED).when(ExpireKey(at(9999))).then_nothing()


def test_a_missing_key_cannot_expire() -> None:
    given(KEY).when(ExpireKey(at(3600))).then_refused(KeyNotFound)


def test_an_expired_key_cannot_be_disabled_or_enabled() -> None:
    given(KEY, EXPIRING, EXPIRED).when(DisableKey(at(60))).then_refused(KeyHasExpired)
    given(KEY, EXPIRING, EXPIRED).when(ENABLE).then_refused(KeyHasExpired)


def test_an_expired_state_contains_the_recorded_time() -> None:
    state = KEY.fold([EXPIRING, EXPIRED])
    assert isinstance(state, Expired)
    assert (state.expired_at, state.key.expires_at, state.key.revision) == (at(30), at(3600), 2)


@pytest.mark.parametrize(
    "event",
    [CREATED, KeyExpirationChanged(None), ROTATED, DISABLED, KeyEnabled(at(60)), EXPIRED],
    ids=lambda event: type(event).__name__,
)
def test_no_event_can_follow_an_expiry(event: KeyEvent) -> None:
    with pytest.raises(ImpossibleHistory):
        KEY.fold([EXPIRING, EXPIRED, event])
