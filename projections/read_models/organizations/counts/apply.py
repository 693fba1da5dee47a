"""Derive the rows of the counts from a change."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.keys.state import Active, Disabled
from domain.mcps.state import Active as ActiveMcp
from domain.mcps.state import Inactive as InactiveMcp
from domain.members.state import Member
from domain.organizations.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationErased,
    OrganizationRestored,
    PlanChanged,
)
from domain.organizations.state import status_of
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.organizations.counts.queries import SQL


class Counts(NamedTuple):
    """The contribution of one aggregate in a state to the counts of its organization."""

    keys_active: int = 0
    keys_disabled: int = 0
    mcps: int = 0
    members: int = 0


def counts(state: object) -> Counts:
    match state:
        case Active():
            return Counts(keys_active=1)
        case Disabled():
            return Counts(keys_disabled=1)
        case ActiveMcp() | InactiveMcp():
            return Counts(mcps=1)
        case Member():
            return Counts(members=1)
        case _:
            return Counts()


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    for event in change.events:
        match event:
            case OrganizationCreated():
                yield Statement(SQL.guard_add, (event.organization_id, event.plan))
            case PlanChanged():
                yield Statement(SQL.guard_plan, (event.plan, change.organization_id))
            case OrganizationDeleted() | OrganizationRestored() | OrganizationErased():
                yield Statement(SQL.guard_status, (status_of(change.after), change.organization_id))
            case _:
                pass
    difference = [after - before for before, after in zip(counts(change.before), counts(change.after), strict=True)]
    if any(difference):
        yield Statement(SQL.guard_count, (*difference, change.organization_id))
