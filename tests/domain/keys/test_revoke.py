from typing import get_args

import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.keys.commands import DisableKey, EndEarlierSecrets, ExpireKey, KeyCommand, NarrowGrants, RetireSecrets
from domain.keys.decider import KEY
from domain.keys.errors import KeyIsRevoked, KeyNotFound, LastActiveKey
from domain.keys.events import (
    KeyDetailsChanged,
    KeyEnabled,
    KeyEvent,
    KeyExpirationChanged,
    KeyPermissionsChanged,
    KeyRevoked,
    RevocationReason,
)
from domain.keys.fields import NOTE_LENGTH_MAX
from domain.keys.permissions import Permissions
from domain.keys.state import Revoked
from domain.plans.plan import KeyCounts
from domain.refusal import Invalid
from tests.domain.sample import (
    ANOTHER_KEY,
    CHANGE,
    CREATE,
    CREATED,
    DISABLED,
    ENABLE,
    EXPIRED,
    ITSELF,
    LAST_ACTIVE,
    RETIRED,
    REVOKE,
    REVOKED,
    ROTATE,
    ROTATED,
    a_secret,
    at,
)
from tests.given import given

PLAIN = KeyRevoked(revoked_at=at(60), reason="unspecified")
TWO_LEFT = KeyCounts(active=2, disabled=0, limit=None, plan="free")

AFTER_THE_END: list[KeyCommand] = [CREATE, CHANGE, ROTATE, EndEarlierSecrets(at(60)), DisableKey(at(60)), ENABLE]
WITHOUT_EFFECT: list[KeyCommand] = [REVOKE, ExpireKey(at(60)), RetireSecrets(at(60)), NarrowGrants(frozenset())]


def test_a_missing_key_cannot_be_revoked() -> None:
    given(KEY).when(REVOKE).then_refused(KeyNotFound)


def test_a_key_can_be_revoked_in_any_state() -> None:
    for events in ([CREATED], [CREATED, DISABLED], [CREATED, EXPIRED]):
        given(KEY, *events).when(REVOKE).then(PLAIN)
        assert isinstance(KEY.fold([*events, PLAIN]), Revoked)


@pytest.mark.parametrize("reason", get_args(RevocationReason))
def test_the_reason_and_the_note_are_stored(reason: RevocationReason) -> None:
    outcome = given(KEY, CREATED).when(replace(REVOKE, reason=reason, note="Why"))
    outcome.then(KeyRevoked(revoked_at=at(60), reason=reason, note="Why"))
    state = KEY.fold([CREATED, *outcome.events])
    assert isinstance(state, Revoked)
    assert (state.revoked_at, state.reason, state.note, state.key.revision) == (at(60), reason, "Why", 2)


def test_revoking_again_does_not_change_the_reason() -> None:
    given(KEY, CREATED, REVOKED).when(replace(REVOKE, reason="superseded", note="Other")).then_nothing()


def test_a_secret_in_a_note_is_reduced_to_its_prefix() -> None:
    text = a_secret().reveal()
    outcome = given(KEY, CREATED).when(replace(REVOKE, note=f"Found {text} in a log"))
    outcome.then(replace(PLAIN, note=f"Found {text[:12]}… in a log"))


def test_a_note_has_at_most_500_characters() -> None:
    fits = "x" * NOTE_LENGTH_MAX
    given(KEY, CREATED).when(replace(REVOKE, note=fits)).then(replace(PLAIN, note=fits))
    given(KEY, CREATED).when(replace(REVOKE, note=fits + "x")).then_refused(
        Invalid, note="Must have at most 500 characters"
    )


@pytest.mark.parametrize("command", AFTER_THE_END, ids=lambda command: type(command).__name__)
def test_a_revoked_key_stays_revoked(command: KeyCommand) -> None:
    outcome = given(KEY, CREATED, REVOKED).when(command)
    if command is CREATE:
        assert outcome.refusal is not None
    else:
        outcome.then_refused(KeyIsRevoked)


@pytest.mark.parametrize("command", WITHOUT_EFFECT, ids=lambda command: type(command).__name__)
def test_no_further_event_is_recorded_for_a_revoked_key(command: KeyCommand) -> None:
    given(KEY, CREATED, REVOKED).when(command).then_nothing()


def test_every_command_is_covered_by_these_tests() -> None:
    assert {type(command) for command in AFTER_THE_END + WITHOUT_EFFECT} == set(get_args(KeyCommand))


def test_the_last_active_key_cannot_revoke_itself() -> None:
    by_itself = replace(REVOKE, by=ITSELF, counts=LAST_ACTIVE)
    given(KEY, CREATED).when(by_itself).then_refused(LastActiveKey)
    assert str(LastActiveKey()) == "Cannot revoke your only active key"
    given(KEY, CREATED).when(replace(by_itself, counts=TWO_LEFT)).then(PLAIN)
    given(KEY, CREATED).when(replace(by_itself, by=ANOTHER_KEY)).then(PLAIN)
    given(KEY, CREATED, REVOKED).when(by_itself).then_nothing()


def test_an_inactive_key_is_never_the_last_active_one() -> None:
    by_itself = replace(REVOKE, by=ITSELF, counts=LAST_ACTIVE)
    given(KEY, CREATED, DISABLED).when(by_itself).then(PLAIN)
    given(KEY, CREATED, EXPIRED).when(by_itself).then(PLAIN)


@pytest.mark.parametrize(
    "event",
    [
        CREATED,
        KeyDetailsChanged("x", "", {}),
        KeyPermissionsChanged(Permissions(mcps="*"), None, ()),
        KeyExpirationChanged(None),
        ROTATED,
        DISABLED,
        KeyEnabled(at(60)),
        EXPIRED,
        REVOKED,
    ],
    ids=lambda event: type(event).__name__,
)
def test_no_event_can_follow_a_revocation(event: KeyEvent) -> None:
    with pytest.raises(ImpossibleHistory, match=type(event).__name__):
        KEY.fold([CREATED, REVOKED, event])


@pytest.mark.parametrize("event", [ROTATED, RETIRED, DISABLED, REVOKED, EXPIRED, KeyEnabled(at(60))])
def test_a_history_must_start_with_a_creation(event: KeyEvent) -> None:
    with pytest.raises(ImpossibleHistory):
        KEY.fold([event])
