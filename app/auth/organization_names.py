"""Names of organizations, for users who choose one or are signed in to it."""

from typing import NamedTuple

from app.services import Services
from domain.organizations.errors import OrganizationNotFound
from projections.read_models.organizations.list.queries import organization_of


class Named(NamedTuple):
    id: str
    name: str
    slug: str


async def organization_name(services: Services, organization_id: str) -> Named:
    async with services.read_transaction(organization_id) as connection:
        found = await organization_of(connection, organization_id)
    if found is None:
        raise OrganizationNotFound
    return Named(found.organization_id, found.name, found.slug)
