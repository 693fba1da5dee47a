"""Commands on an organization."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.organizations.events import Settings
from domain.plans.plan import PlanName


class CreateOrganization(Struct, frozen=True):
    organization_id: str
    name: str
    slug: str
    plan: PlanName
    at: datetime
    by: Actor


class ChangeOrganization(Struct, frozen=True):
    """Change some of the fields; a field that is UNSET stays unchanged. `by_owner`: the caller may change the plan."""

    by_owner: bool
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    settings: Settings | UnsetType = UNSET
    plan: PlanName | UnsetType = UNSET


class ChangePlan(Struct, frozen=True):
    """Change the plan. Resources beyond the new limits remain, but no more can be added."""

    plan: PlanName


class DeleteOrganization(Struct, frozen=True):
    """Delete the organization. `confirm` is what the owner typed to confirm."""

    confirm: str
    at: datetime


class RestoreOrganization(Struct, frozen=True):
    """Undo the deletion, within the period for that."""

    at: datetime


class EraseOrganization(Struct, frozen=True):
    """Make the deletion permanent, unless it was undone or can still be."""

    at: datetime


OrganizationCommand = (
    CreateOrganization | ChangeOrganization | ChangePlan | DeleteOrganization | RestoreOrganization | EraseOrganization
)
