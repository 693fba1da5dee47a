"""Derive the rows of the organization list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.organizations.events import OrganizationEvent
from domain.organizations.state import Deleted, Erased, ExistingOrganization, Organization, details_of
from eventstore.codec import encode
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.organizations.list.queries import SQL


def apply(change: Change[Any, OrganizationEvent]) -> Iterable[Statement]:
    yield put(change.after)


def put(state: ExistingOrganization) -> Statement:
    """Return the statement that writes the whole row of an organization."""
    details = details_of(state)
    return Statement(
        SQL.organization_put,
        (
            details.id,
            details.name,
            details.slug,
            details.description,
            encode(details.settings),
            details.plan,
            details.created_at,
            details.revision,
            None if isinstance(state, Organization) else state.deleted_at,
            state.restorable_until if isinstance(state, Deleted) else None,
            state.erased_at if isinstance(state, Erased) else None,
        ),
    )
