import pytest
from msgspec.structs import replace

from domain.keys.commands import EndEarlierSecrets, RetireSecrets
from domain.keys.decider import KEY
from domain.keys.errors import KeyHasExpired, KeyIsRevoked, KeyNotFound
from domain.keys.events import KeyEvent, KeyRotated, KeySecretRetired
from domain.keys.fields import OVERLAP_SECONDS_MAX, VALID_SECRETS_MAX
from domain.keys.state import RETIRED_SECRETS_KEPT, Disabled, Existing, SecretVersion
from domain.refusal import Conflict, Invalid
from tests.domain.sample import CREATED, DISABLED, EXPIRED, RETIRED, REVOKED, ROTATE, ROTATED, a_record, at
from tests.given import given

OVERLAPPING = replace(ROTATED, previous_valid_until=at(360))


def fold(*events: KeyEvent) -> Existing:
    state = KEY.fold(events)
    assert state is not None
    return state


def secrets(*events: KeyEvent) -> tuple[SecretVersion, ...]:
    return fold(*events).key.secrets


def test_a_missing_key_cannot_be_rotated() -> None:
    given(KEY).when(ROTATE).then_refused(KeyNotFound)


def test_without_overlap_the_old_secret_ends_immediately() -> None:
    given(KEY, CREATED).when(ROTATE).then(ROTATED, RETIRED)
    old, new = secrets(CREATED, ROTATED, RETIRED)
    assert (old.version, old.valid_until, old.retired) == (1, at(60), True)
    assert (new.version, new.valid_until, new.retired, new.created_at) == (2, None, False, at(60))
    assert new.record == a_record(2)


def test_with_overlap_both_secrets_are_valid_until_it_ends() -> None:
    given(KEY, CREATED).when(replace(ROTATE, overlap_seconds=300)).then(OVERLAPPING)
    old, new = secrets(CREATED, OVERLAPPING)
    assert old.is_valid(at(359.999999))
    assert not old.is_valid(at(360))
    assert new.is_valid(at(10**9))


def test_a_rotation_changes_only_the_secrets() -> None:
    before, after = fold(CREATED).key, fold(CREATED, ROTATED, RETIRED).key
    assert replace(after, secrets=before.secrets, revision=before.revision) == before
    assert after.revision == 3


def test_a_later_rotation_can_shorten_an_overlap_but_not_extend_it() -> None:
    sooner = replace(ROTATED, secret_version=3, secret=a_record(3), rotated_at=at(90), previous_valid_until=at(120))
    assert [secret.valid_until for secret in secrets(CREATED, OVERLAPPING, sooner)] == [at(120), at(120), None]
    later = replace(sooner, previous_valid_until=at(9000))
    assert [secret.valid_until for secret in secrets(CREATED, OVERLAPPING, later)] == [at(360), at(9000), None]


def test_a_rotation_without_overlap_ends_every_earlier_secret() -> None:
    urgent = replace(ROTATE, secret=a_record(3), at=at(90))
    given(KEY, CREATED, OVERLAPPING).when(urgent).then(
        KeyRotated(secret_version=3, secret=a_record(3), rotated_at=at(90), previous_valid_until=at(90)),
        KeySecretRetired(secret_version=1, retired_at=at(90)),
        KeySecretRetired(secret_version=2, retired_at=at(90)),
    )


def test_a_disabled_key_can_be_rotated_and_stays_disabled() -> None:
    given(KEY, CREATED, DISABLED).when(ROTATE).then(ROTATED, RETIRED)
    assert isinstance(fold(CREATED, DISABLED, ROTATED, RETIRED), Disabled)


def test_a_revoked_or_expired_key_cannot_be_rotated() -> None:
    given(KEY, CREATED, REVOKED).when(ROTATE).then_refused(KeyIsRevoked)
    given(KEY, CREATED, EXPIRED).when(ROTATE).then_refused(KeyHasExpired)
    given(KEY, replace(CREATED, expires_at=at(60))).when(ROTATE).then_refused(KeyHasExpired)


@pytest.mark.parametrize("seconds", [-1, OVERLAP_SECONDS_MAX + 1, 10**18])
def test_an_overlap_outside_0_to_30_days_is_refused(seconds: int) -> None:
    given(KEY, CREATED).when(replace(ROTATE, overlap_seconds=seconds)).then_refused(
        Invalid, overlap_seconds="Must be between 0 and 2592000 (30 days)"
    )


def test_an_overlap_of_30_days_is_accepted() -> None:
    given(KEY, CREATED).when(replace(ROTATE, overlap_seconds=OVERLAP_SECONDS_MAX)).then(
        replace(ROTATED, previous_valid_until=at(60 + OVERLAP_SECONDS_MAX))
    )


def test_repeating_a_rotation_changes_nothing() -> None:
    given(KEY, CREATED, ROTATED, RETIRED).when(ROTATE).then_nothing()


def test_an_earlier_secret_cannot_be_used_again() -> None:
    back = replace(ROTATE, secret=a_record(1), at=at(90))
    given(KEY, CREATED, OVERLAPPING).when(back).then_refused(Conflict)
    given(KEY, CREATED, ROTATED, RETIRED).when(back).then_refused(Conflict)


def test_at_most_10_secrets_are_valid_and_a_rotation_without_overlap_is_always_possible() -> None:
    many = [
        replace(ROTATED, secret_version=n, secret=a_record(n), previous_valid_until=at(9000 + n))
        for n in range(2, VALID_SECRETS_MAX + 1)
    ]
    one_fewer = given(KEY, CREATED, *many[:-1])
    full = given(KEY, CREATED, *many)
    one_more = replace(ROTATE, secret=a_record(99), overlap_seconds=1)
    assert one_fewer.when(one_more).refusal is None
    full.when(one_more).then_refused(Invalid, overlap_seconds="Must be 0 while 10 secrets of the key are still valid")
    assert len(full.when(replace(one_more, overlap_seconds=0)).events) == 1 + VALID_SECRETS_MAX
    assert full.when(replace(one_more, at=at(9003))).refusal is None


def test_a_secret_is_retired_once_after_its_overlap() -> None:
    given(KEY, CREATED, OVERLAPPING).when(RetireSecrets(at(359.999999))).then_nothing()
    given(KEY, CREATED, OVERLAPPING).when(RetireSecrets(at(360))).then(KeySecretRetired(1, at(360)))
    given(KEY, CREATED, OVERLAPPING, KeySecretRetired(1, at(360))).when(RetireSecrets(at(999))).then_nothing()
    given(KEY, CREATED).when(RetireSecrets(at(999))).then_nothing()
    given(KEY).when(RetireSecrets(at(999))).then_refused(KeyNotFound)


def test_secrets_of_a_revoked_or_expired_key_are_retired() -> None:
    for end in (REVOKED, EXPIRED):
        given(KEY, CREATED, OVERLAPPING, end).when(RetireSecrets(at(360))).then(KeySecretRetired(1, at(360)))
        state = fold(CREATED, OVERLAPPING, end, KeySecretRetired(1, at(360)))
        assert type(state) is type(fold(CREATED, end))
        assert state.key.secrets[0].retired


def test_a_state_keeps_only_the_newest_10_retired_secrets() -> None:
    events: list[KeyEvent] = [CREATED]
    for version in range(2, 15):
        events += [
            KeyRotated(version, a_record(version), at(version), at(version)),
            KeySecretRetired(version - 1, at(version)),
        ]
    kept = secrets(*events)
    assert [secret.version for secret in kept] == list(range(14 - RETIRED_SECRETS_KEPT, 15))
    assert [secret.retired for secret in kept] == [True] * RETIRED_SECRETS_KEPT + [False]


def test_earlier_secrets_are_ended_before_their_overlap_is_over() -> None:
    second = replace(OVERLAPPING, secret_version=3, secret=a_record(3), rotated_at=at(90), previous_valid_until=at(999))
    ended = (KeySecretRetired(1, at(120)), KeySecretRetired(2, at(120)))
    given(KEY, CREATED, OVERLAPPING, second).when(EndEarlierSecrets(at(120))).then(*ended)
    assert [secret.is_valid(at(120)) for secret in secrets(CREATED, OVERLAPPING, second, *ended)] == [
        False,
        False,
        True,
    ]
    given(KEY, CREATED, OVERLAPPING, second, *ended).when(EndEarlierSecrets(at(121))).then_nothing()
    given(KEY, CREATED).when(EndEarlierSecrets(at(120))).then_nothing()


def test_secrets_of_a_key_that_has_ended_cannot_be_ended() -> None:
    given(KEY).when(EndEarlierSecrets(at(120))).then_refused(KeyNotFound)
    given(KEY, CREATED, OVERLAPPING, REVOKED).when(EndEarlierSecrets(at(120))).then_refused(KeyIsRevoked)
    given(KEY, CREATED, OVERLAPPING, EXPIRED).when(EndEarlierSecrets(at(120))).then_refused(KeyHasExpired)
