"""What can be asked of an organization."""

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
    """Any of the fields; one that is UNSET stays as it is. `by_owner`: whoever asks may change the plan too."""

    by_owner: bool
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    settings: Settings | UnsetType = UNSET
    plan: PlanName | UnsetType = UNSET


class ChangePlan(Struct, frozen=True):
    """What there is beyond the limits of the new plan stays; nothing is added to it."""

    plan: PlanName


OrganizationCommand = CreateOrganization | ChangeOrganization | ChangePlan
