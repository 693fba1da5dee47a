"""States of an organization.

A deleted organization can be restored as it was. An erased one cannot: its credentials and addresses are gone.
"""

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from domain.organization_status import OrganizationStatus
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


class Deleted(Struct, frozen=True):
    """Nothing of the organization works. An operator can restore it before `restorable_until`."""

    organization: Organization
    deleted_at: datetime
    restorable_until: datetime


class Erased(Struct, frozen=True):
    """Deleted permanently."""

    organization: Organization
    deleted_at: datetime
    erased_at: datetime


ExistingOrganization = Organization | Deleted | Erased
OrganizationState = ExistingOrganization | None


def details_of(state: ExistingOrganization) -> Organization:
    """Return the organization as it is, or as it was when it was deleted."""
    return state if isinstance(state, Organization) else state.organization


def status_of(state: ExistingOrganization) -> OrganizationStatus:
    match state:
        case Organization():
            return "active"
        case Deleted():
            return "deleted"
        case Erased():
            return "erased"
        case _:
            assert_never(state)
