"""Deletion, restoration and erasure of an organization."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.organizations.commands import (
    ChangeOrganization,
    ChangePlan,
    DeleteOrganization,
    EraseOrganization,
    RestoreOrganization,
)
from domain.organizations.decider import ORGANIZATION, RESTORABLE_FOR
from domain.organizations.errors import (
    OrganizationIsDeleted,
    OrganizationIsErased,
    OrganizationNotDeleted,
    OrganizationNotFound,
)
from domain.organizations.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationErased,
    OrganizationEvent,
    OrganizationRestored,
    PlanChanged,
)
from domain.organizations.state import Deleted, Erased, Organization, details_of, status_of
from domain.refusal import Invalid
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER
from tests.given import given

CREATED = OrganizationCreated(ORGANIZATION_ID, "Acme", "acme", "free", NOW, OWNER)
LAST = NOW + RESTORABLE_FOR
DELETED = OrganizationDeleted(deleted_at=NOW, restorable_until=LAST)
RESTORED = OrganizationRestored(restored_at=NOW)
ERASED = OrganizationErased(erased_at=LAST)
ORGANIZATION_NOW = Organization(ORGANIZATION_ID, "Acme", "acme", "", {}, "free", NOW, revision=1)


def test_a_deletion_requires_the_exact_slug() -> None:
    for typed in ("", "Acme", "acme ", "acm"):
        given(ORGANIZATION, CREATED).when(DeleteOrganization(typed, NOW)).then_refused(
            Invalid, confirm="Must be the slug of the organization that is to be deleted: acme"
        )
    given(ORGANIZATION, CREATED).when(DeleteOrganization("acme", NOW)).then(DELETED)
    given(ORGANIZATION).when(DeleteOrganization("acme", NOW)).then_refused(OrganizationNotFound)


def test_a_deleted_organization_can_be_restored_for_30_days() -> None:
    assert timedelta(days=30) == RESTORABLE_FOR
    assert f" {RESTORABLE_FOR.days} days." in (OrganizationIsDeleted.__doc__ or "")
    moment = timedelta(microseconds=1)
    restore = RestoreOrganization(LAST - moment)
    given(ORGANIZATION, CREATED, DELETED).when(restore).then(OrganizationRestored(LAST - moment))
    given(ORGANIZATION, CREATED, DELETED).when(RestoreOrganization(LAST)).then_refused(OrganizationIsErased)
    given(ORGANIZATION, CREATED, DELETED, ERASED).when(restore).then_refused(OrganizationIsErased)
    given(ORGANIZATION, CREATED).when(restore).then_refused(OrganizationNotDeleted)
    given(ORGANIZATION).when(restore).then_refused(OrganizationNotFound)


def test_nothing_is_erased_that_can_be_restored_or_was_restored() -> None:
    early = EraseOrganization(LAST - timedelta(microseconds=1))
    given(ORGANIZATION, CREATED, DELETED).when(early).then_nothing()
    given(ORGANIZATION, CREATED, DELETED).when(EraseOrganization(LAST)).then(ERASED)
    for history in ([CREATED], [CREATED, DELETED, RESTORED], [CREATED, DELETED, ERASED]):
        given(ORGANIZATION, *history).when(EraseOrganization(LAST)).then_nothing()


@pytest.mark.parametrize("history", [[CREATED, DELETED], [CREATED, DELETED, ERASED]])
def test_a_deleted_organization_cannot_be_changed(history: list[OrganizationEvent]) -> None:
    for command in (
        ChangeOrganization(by_owner=True, name="Other"),
        ChangePlan("pro"),
        DeleteOrganization("acme", NOW),
    ):
        given(ORGANIZATION, *history).when(command).then_refused(OrganizationIsDeleted)


def test_a_restored_organization_is_as_it_was_and_can_be_deleted_again() -> None:
    restored = ORGANIZATION.fold([CREATED, DELETED, RESTORED])
    assert restored == replace(ORGANIZATION_NOW, revision=3)
    later = NOW + timedelta(days=3)
    again = OrganizationDeleted(later, later + RESTORABLE_FOR)
    given(ORGANIZATION, CREATED, DELETED, RESTORED).when(DeleteOrganization("acme", later)).then(again)


def test_the_states_keep_the_organization_and_the_times() -> None:
    deleted = ORGANIZATION.fold([CREATED, DELETED])
    erased = ORGANIZATION.fold([CREATED, DELETED, ERASED])
    assert deleted == Deleted(replace(ORGANIZATION_NOW, revision=2), NOW, LAST)
    assert erased == Erased(replace(ORGANIZATION_NOW, revision=3), NOW, LAST)
    statuses = [
        (status_of(state), details_of(state).revision) for state in (ORGANIZATION_NOW, deleted, erased) if state
    ]
    assert statuses == [("active", 1), ("deleted", 2), ("erased", 3)]


@pytest.mark.parametrize(
    "history",
    [
        [DELETED],
        [CREATED, RESTORED],
        [CREATED, ERASED],
        [CREATED, DELETED, DELETED],
        [CREATED, DELETED, PlanChanged("pro")],
        [CREATED, DELETED, ERASED, RESTORED],
    ],
)
def test_a_damaged_history_is_impossible(history: list[OrganizationEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        ORGANIZATION.fold(history)
