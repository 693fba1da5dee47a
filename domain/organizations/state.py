"""State of an organization."""

from datetime import datetime

from msgspec import Struct

from domain.organizations.events import Settings
from domain.plans.plan import PlanName


class Organization(Struct, frozen=True):
    id: str
    name: str
    slug: str
    description: str
    settings: Settings
    plan: PlanName
    created_at: datetime
    revision: int


OrganizationState = Organization | None
