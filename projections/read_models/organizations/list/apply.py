"""Derive the rows of the organization list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.organizations.events import OrganizationEvent
from domain.organizations.state import Organization
from eventstore.codec import encode
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.organizations.list.queries import SQL


def apply(change: Change[Any, OrganizationEvent]) -> Iterable[Statement]:
    yield put(change.after)


def put(state: Organization) -> Statement:
    """Return the statement that writes the whole row of an organization."""
    return Statement(
        SQL.organization_put,
        (
            state.id,
            state.name,
            state.slug,
            state.description,
            encode(state.settings),
            state.plan,
            state.created_at,
            state.revision,
        ),
    )
