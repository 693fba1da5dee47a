"""Events of an organization. The evolution rules in `domain/keys/events.py` apply here too."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.plans.plan import PlanName

Setting = bool | int | float | str
Settings = dict[str, Setting]
"""Settings that clients store for the organization. Names that start with `anomalies.` are thresholds
(domain/anomalies), `connect.mcp_url` is the URL of MCP for clients (domain/organizations/connect.py), and `leaked_keys`
is what happens to leaked keys (domain/leaks/policy.py).
"""


class OrganizationCreated(Struct, frozen=True, tag_field="type", tag="organization.created"):
    organization_id: str
    name: str
    slug: str
    plan: PlanName
    created_at: datetime
    created_by: Actor


class OrganizationDetailsChanged(Struct, frozen=True, tag_field="type", tag="organization.details_changed"):
    """Texts for people changed. Contains all of them."""

    name: str
    description: str
    settings: Settings


class PlanChanged(Struct, frozen=True, tag_field="type", tag="organization.plan_changed"):
    plan: PlanName


class OrganizationDeleted(Struct, frozen=True, tag_field="type", tag="organization.deleted"):
    """No key and no session of the organization works any more. Everything else stays as it is until the erasure."""

    deleted_at: datetime
    restorable_until: datetime


class OrganizationRestored(Struct, frozen=True, tag_field="type", tag="organization.restored"):
    """The deletion was undone: keys and webhooks work as before. Sessions stay ended."""

    restored_at: datetime


class OrganizationErased(Struct, frozen=True, tag_field="type", tag="organization.erased"):
    """The credentials, addresses and secrets of the deleted organization were erased. The log stays."""

    erased_at: datetime


OrganizationEvent = (
    OrganizationCreated
    | OrganizationDetailsChanged
    | PlanChanged
    | OrganizationDeleted
    | OrganizationRestored
    | OrganizationErased
)
