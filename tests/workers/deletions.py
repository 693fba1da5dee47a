"""Deletion and restoration of an organization, as the route and the operator's command do it, for tests of workers."""

from datetime import datetime

from app.admin.organizations import restore
from domain.actor import OPERATOR
from domain.organizations.commands import DeleteOrganization
from domain.organizations.decider import ORGANIZATION
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from projections.commands import commands_on
from projections.read_models.organizations.counts.queries import deletion_guard
from tests.seed import slug_of


async def delete_organization(pool: Pool, organization_id: str, at: datetime | None = None) -> None:
    """Delete an organization of `tests.seed`, now or at an earlier time."""
    at = at or now()
    command = DeleteOrganization(slug_of(organization_id), at)
    guard = deletion_guard(organization_id)
    await commands_on(pool).run(
        ORGANIZATION, organization_id, organization_id, command, origin=Origin(OPERATOR), at=at, guard=guard
    )


async def restore_organization(pool: Pool, organization_id: str) -> None:
    await restore(commands_on(pool), organization_id)
