"""The reaction to a leaked secret, for every state of its key and every policy."""

from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from domain.actor import GITHUB
from domain.keys.commands import DisableKey, EndEarlierSecrets, RevokeKey
from domain.keys.decider import KEY
from domain.keys.events import KeyDisabled, KeyEvent, KeyExpired, KeyRevoked, KeyRotated
from domain.keys.fields import NOTE_LENGTH_MAX
from domain.keys.state import Existing
from domain.leaks.policy import DEFAULT, POLICIES, Policy, policy_of, validate
from domain.leaks.reaction import Outcome, Reaction, Report, leak_alert, reaction_to
from domain.leaks.wording import OUTCOME_TEXTS
from domain.organizations.commands import ChangeOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import OrganizationCreated, Setting
from domain.plans.plan import KeyCounts
from domain.refusal import Invalid
from tests.domain.sample import CREATED, NOW, ORGANIZATION_ID, OWNER, a_record
from tests.given import given

COUNTS = KeyCounts(1, 0, None, "free")
HOUR = timedelta(hours=1)
REPORT = Report("github", CREATED.key_id, ORGANIZATION_ID, 1, "https://github.com/octocat/hello-world", "commit")
ROTATED = KeyRotated(2, a_record(7), NOW, NOW + HOUR)
STATES: dict[str, tuple[KeyEvent, ...]] = {
    "active": (CREATED,),
    "disabled": (CREATED, KeyDisabled(NOW)),
    "revoked": (CREATED, KeyRevoked(NOW, "superseded")),
    "expired": (replace(CREATED, expires_at=NOW), KeyExpired(NOW)),
    "past its expiry": (replace(CREATED, expires_at=NOW),),
    "rotating": (CREATED, ROTATED),
    "rotating and disabled": (CREATED, ROTATED, KeyDisabled(NOW)),
    "rotated": (CREATED, replace(ROTATED, previous_valid_until=NOW)),
}
OUTCOMES: dict[str, tuple[Outcome, Outcome, Outcome]] = {
    "active": ("disabled", "revoked", "still_works"),
    "disabled": ("disabled_before", "revoked", "disabled_before"),
    "revoked": ("revoked_before", "revoked_before", "revoked_before"),
    "expired": ("expired_before", "expired_before", "expired_before"),
    "past its expiry": ("expired_before", "expired_before", "expired_before"),
    "rotating": ("secret_ended", "secret_ended", "still_works"),
    "rotating and disabled": ("secret_ended", "secret_ended", "disabled_before"),
    "rotated": ("secret_ended_before", "secret_ended_before", "secret_ended_before"),
}
"""The outcomes of the policies disable, revoke and alert."""


def state_of(name: str) -> Existing:
    state = KEY.fold(STATES[name])
    assert state is not None
    return state


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_state_and_policy_has_its_outcome(name: str, policy: Policy) -> None:
    reaction = reaction_to(REPORT, state_of(name), policy, COUNTS, GITHUB, NOW)
    assert reaction.outcome == OUTCOMES[name][POLICIES.index(policy)]
    commands = {"disabled": DisableKey, "revoked": RevokeKey, "secret_ended": EndEarlierSecrets}
    assert type(reaction.command) is commands.get(reaction.outcome, type(None))
    if reaction.command is not None:
        assert KEY.decide(state_of(name), reaction.command), "the command changes the key"


@pytest.mark.parametrize("policy", POLICIES)
def test_a_secret_that_the_use_of_a_newer_one_has_ended_works_no_more(policy: Policy) -> None:
    """Also before an event records the end."""
    state = state_of("rotating")
    assert reaction_to(REPORT, state, policy, COUNTS, GITHUB, NOW, 2) == Reaction("secret_ended_before")
    newer = replace(REPORT, secret_version=2)
    assert reaction_to(newer, state, policy, COUNTS, GITHUB, NOW, 2) == reaction_to(
        newer, state, policy, COUNTS, GITHUB, NOW
    )


def test_every_outcome_is_worded() -> None:
    assert set(OUTCOME_TEXTS) == set(get_args(Outcome))


def test_a_secret_that_the_state_no_longer_lists_has_ended() -> None:
    ancient = replace(REPORT, secret_version=0)
    assert reaction_to(ancient, state_of("active"), "revoke", COUNTS, GITHUB, NOW).outcome == "secret_ended_before"


def test_the_last_active_key_is_stopped_too() -> None:
    reaction = reaction_to(REPORT, state_of("active"), "revoke", COUNTS, GITHUB, NOW)
    assert reaction.command is not None
    assert KEY.decide(state_of("active"), reaction.command)


def test_one_secret_at_one_address_has_one_alert_and_a_stopped_one_has_one_for_all_addresses() -> None:
    assert REPORT.alert_id(NOW) == replace(REPORT, location_kind="other").alert_id(NOW)
    others = [replace(REPORT, url=f"{REPORT.url}/2"), replace(REPORT, url=""), replace(REPORT, secret_version=2)]
    assert len({each.alert_id(NOW) for each in (REPORT, *others)}) == 4
    stopped = [each.stopped_alert_id(NOW) for each in (REPORT, *others)]
    assert len(set(stopped[:3])) == 1
    assert len({*stopped, *(each.alert_id(NOW) for each in (REPORT, *others))}) == 6


def test_the_longest_address_fits_into_the_note_of_the_revocation() -> None:
    long = replace(REPORT, url="https://example.com/" + "x" * 10_000)
    reaction = reaction_to(long, state_of("active"), "revoke", COUNTS, GITHUB, NOW)
    assert isinstance(reaction.command, RevokeKey)
    assert len(reaction.command.note) <= NOTE_LENGTH_MAX
    assert reaction.command.note.endswith("…")


@pytest.mark.parametrize("value", [True, 1, "", "Disable", "delete"])
def test_another_value_of_the_setting_is_refused_and_never_used(value: bool | str) -> None:  # noqa: FBT001
    settings: dict[str, Setting] = {"leaked_keys": value}
    created = OrganizationCreated(ORGANIZATION_ID, "Acme", "acme", "free", NOW, OWNER)
    given(ORGANIZATION, created).when(ChangeOrganization(by_owner=False, settings=settings)).then_refused(
        Invalid, settings="leaked_keys must be one of disable, revoke, alert"
    )
    assert policy_of(settings) == DEFAULT


def test_a_valid_setting_is_used() -> None:
    assert [policy_of({"leaked_keys": policy}) for policy in POLICIES] == list(POLICIES)
    assert not list(validate({"leaked_keys": "alert", "theme": "dark"}))
    assert policy_of({}) == DEFAULT == "disable"


@pytest.mark.parametrize(("outcome", "severity"), [("still_works", "critical"), ("revoked_before", "info")])
def test_the_alert_names_the_place_and_the_outcome(outcome: Outcome, severity: str) -> None:
    alert = leak_alert(REPORT, "alert_1", outcome, NOW)
    assert (alert.alert_type, alert.severity, alert.key_id, alert.at) == (
        "api_key.leaked",
        severity,
        CREATED.key_id,
        NOW,
    )
    assert alert.numbers == {
        "source": "github",
        "url": "https://github.com/octocat/hello-world",
        "place": "commit",
        "secret_version": 1,
        "outcome": outcome,
    }
