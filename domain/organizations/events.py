"""What can happen to an organization. The law of `domain/keys/events.py` holds here too."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.plans.plan import PlanName

Setting = bool | int | float | str
Settings = dict[str, Setting]
"""What clients keep about the organization. Names that begin with `anomalies.` are thresholds (domain/anomalies)."""


class OrganizationCreated(Struct, frozen=True, tag_field="type", tag="organization.created"):
    organization_id: str
    name: str
    slug: str
    plan: PlanName
    created_at: datetime
    created_by: Actor


class OrganizationDetailsChanged(Struct, frozen=True, tag_field="type", tag="organization.details_changed"):
    """What people read, all of it, as it is from now on."""

    name: str
    description: str
    settings: Settings


class PlanChanged(Struct, frozen=True, tag_field="type", tag="organization.plan_changed"):
    plan: PlanName


OrganizationEvent = OrganizationCreated | OrganizationDetailsChanged | PlanChanged
