"""A rotation without a stated overlap: earlier secrets end with the first use of the new one."""

from datetime import timedelta

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from domain.keys.commands import RetireSecrets, RotateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.events import KeyExpirationChanged, KeyRotated, KeySecretRetired
from domain.keys.fields import UNUSED_SECONDS, VALID_SECRETS_MAX
from domain.keys.state import Existing, KeyState
from domain.refusal import Invalid
from domain.usage.decision import AccessRequest, decide
from tests.domain.sample import CREATED, MCPS, a_record, at
from tests.given import given


def rotate(number: int, seconds: float, overlap_seconds: int | None = None) -> RotateKey:
    return RotateKey(a_record(number), at(seconds), UNRESTRICTED, MCPS, overlap_seconds)


def rotated(number: int, seconds: float) -> KeyRotated:
    return KeyRotated(number, a_record(number), at(seconds), at(seconds + UNUSED_SECONDS), ends_previous_when_used=True)


def code(state: KeyState, number: int, seconds: float, used_version: int = 0) -> str:
    presented = AccessRequest(bytes.fromhex(a_record(number).digest), "verify")
    assert state is not None
    return decide(presented, state, None, at(seconds), used_version).code


def _after(*commands: RotateKey | RetireSecrets) -> Existing:
    state: KeyState = KEY.fold((CREATED,))
    for command in commands:
        state = KEY.fold(KEY.decide(state, command), state)
    assert state is not None
    return state


def test_the_previous_secret_stays_valid_for_a_week_at_most() -> None:
    given(KEY, CREATED).when(rotate(2, 60)).then(rotated(2, 60))
    state = _after(rotate(2, 60))
    assert [code(state, number, 60 + UNUSED_SECONDS - 1) for number in (1, 2)] == ["valid", "valid"]
    assert [code(state, number, 60 + UNUSED_SECONDS) for number in (1, 2)] == ["revoked_key", "valid"]


def test_the_first_use_of_the_new_secret_ends_the_previous_one() -> None:
    state = _after(rotate(2, 60))
    assert state.key.is_ended_by_use_of(2)
    assert not state.key.is_ended_by_use_of(1)
    assert [code(state, number, 61, used_version=2) for number in (1, 2)] == ["revoked_key", "valid"]


def test_a_caller_who_lost_two_responses_can_keep_using_the_secret_they_have() -> None:
    state = _after(rotate(2, 60), rotate(3, 70))
    assert code(state, 1, 80) == "valid"
    assert [code(state, number, 80, used_version=3) for number in (1, 2, 3)] == ["revoked_key", "revoked_key", "valid"]


def test_a_secret_ended_by_a_use_stays_ended_after_another_rotation() -> None:
    state = _after(rotate(2, 60), rotate(3, 70))
    assert [code(state, number, 80, used_version=2) for number in (1, 2, 3)] == ["revoked_key", "valid", "valid"]


def test_a_stated_overlap_is_not_shortened_by_a_use() -> None:
    state = _after(rotate(2, 60), rotate(3, 70, overlap_seconds=100))
    assert not any(state.key.is_ended_by_use_of(version) for version in (1, 2, 3))
    assert [code(state, number, 169) for number in (1, 2, 3)] == ["valid"] * 3
    assert [code(state, number, 170) for number in (1, 2, 3)] == ["revoked_key", "revoked_key", "valid"]


def test_an_overlap_of_zero_ends_earlier_secrets_immediately() -> None:
    state = _after(rotate(2, 60), rotate(3, 70, overlap_seconds=0))
    assert [code(state, number, 70) for number in (1, 2, 3)] == ["revoked_key", "revoked_key", "valid"]


def test_the_retirement_is_recorded_with_the_time_of_the_use() -> None:
    retire = RetireSecrets(at(90), used_version=2, used_at=at(80))
    given(KEY, CREATED, rotated(2, 60)).when(retire).then(KeySecretRetired(1, at(80)))
    ended = _after(rotate(2, 60), retire).key.secrets[0]
    assert (ended.retired, ended.valid_until) == (True, at(80))
    given(KEY, CREATED, rotated(2, 60), KeySecretRetired(1, at(80))).when(retire).then()


def test_a_key_has_several_secrets_until_the_earlier_ones_end() -> None:
    key = _after(rotate(2, 60)).key
    assert not _after().key.has_several_secrets(at(60))
    assert key.has_several_secrets(at(61))
    end = key.secrets[0].valid_until
    assert end is not None
    assert not key.has_several_secrets(end)


def test_many_lost_rotations_end_unused_secrets_and_keep_the_one_in_use() -> None:
    state = _after(*[rotate(number, 60 + number) for number in range(2, 40)])
    valid = [secret.version for secret in state.key.secrets if secret.is_valid(at(100))]
    assert len(valid) == VALID_SECRETS_MAX
    assert valid[0] == 1
    assert valid[-1] == 39


def test_many_lost_rotations_after_a_use_keep_the_secret_that_was_used() -> None:
    retire = RetireSecrets(at(62), used_version=2, used_at=at(61))
    state = _after(rotate(2, 60), retire, *[rotate(number, 60 + number) for number in range(3, 40)])
    valid = [secret.version for secret in state.key.secrets if secret.is_valid(at(100))]
    assert len(valid) == VALID_SECRETS_MAX
    assert valid[0] == 2
    assert valid[-1] == 39


def test_many_lost_rotations_keep_a_used_secret_before_its_use_is_processed() -> None:
    lost = [replace(rotate(number, 60 + number), used_version=2) for number in range(3, 40)]
    state = _after(rotate(2, 60), *lost)
    accepted = [number for number in range(1, 40) if code(state, number, 100, used_version=2) == "valid"]
    assert len(accepted) == VALID_SECRETS_MAX
    assert accepted[0] == 2
    assert accepted[-1] == 39


def test_a_secret_ended_by_a_use_does_not_count_towards_the_limit() -> None:
    state = _after(*[rotate(number, 60 + number) for number in range(2, VALID_SECRETS_MAX + 1)])
    KEY.decide(state, replace(rotate(11, 80, overlap_seconds=100), used_version=2))
    with pytest.raises(Invalid):
        KEY.decide(state, rotate(11, 80, overlap_seconds=100))


def test_earlier_secrets_end_with_the_key() -> None:
    created = replace(CREATED, expires_at=at(500))
    for overlap_seconds in (None, 10_000):
        rotation = rotate(2, 60, overlap_seconds)
        (event,) = KEY.decide(KEY.fold((created,)), rotation)
        assert isinstance(event, KeyRotated)
        assert event.previous_valid_until == at(500)
    later = KEY.fold((created, KeyExpirationChanged(at(9_000))))
    (event,) = KEY.decide(later, rotate(2, 60, 10_000))
    assert isinstance(event, KeyRotated)
    assert event.previous_valid_until == at(9_000)


def test_a_clock_set_back_does_not_date_a_secret_before_its_predecessor() -> None:
    state = _after(rotate(2, 600), rotate(3, 60, overlap_seconds=0), rotate(4, 30, overlap_seconds=5))
    created = [secret.created_at for secret in state.key.secrets]
    assert created == sorted(created)
    assert state.key.secrets[-2].valid_until == at(605)
    (event, *_) = KEY.decide(KEY.fold((CREATED,)), rotate(2, -3600, 0))
    assert isinstance(event, KeyRotated)
    assert event.rotated_at == CREATED.created_at
    assert event.previous_valid_until - event.rotated_at == timedelta(0)


def test_events_of_other_rotations_are_stored_without_the_new_field() -> None:
    (event, *_) = KEY.decide(KEY.fold((CREATED,)), rotate(2, 60, 5))
    assert isinstance(event, KeyRotated)
    assert event.ends_previous_when_used is UNSET
