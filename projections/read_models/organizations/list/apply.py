"""How the list of organizations follows from a change."""

from collections.abc import Iterable
from typing import Any, cast

from domain.organizations.decider import ORGANIZATION
from domain.organizations.state import Organization
from eventstore.codec import encode
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.organizations.list.queries import SQL


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    if change.kind == ORGANIZATION.kind:
        yield put(cast("Organization", change.after))


def put(state: Organization) -> Statement:
    """The row of an organization, whole."""
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
