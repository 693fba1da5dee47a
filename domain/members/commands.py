"""Commands on a member."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.alerts.events import AlertType
from domain.keys.delegation import Scope
from domain.members.events import Role, Threshold
from domain.plans.plan import MemberCounts


class AddMember(Struct, frozen=True):
    """Add a member. The first member of an organization is its owner; no other member is added as one."""

    user_id: str
    organization_id: str
    role: Role
    at: datetime
    counts: MemberCounts


class ChangeRole(Struct, frozen=True):
    role: Role
    at: datetime
    by: Actor
    authority: Scope


class RemoveMember(Struct, frozen=True):
    at: datetime


class TransferOwnership(Struct, frozen=True):
    """Transfer the ownership. Sent to the owner, in one transaction with `ReceiveOwnership` for `to_user_id`."""

    to_user_id: str
    at: datetime
    by: Actor


class ReceiveOwnership(Struct, frozen=True):
    from_user_id: str
    at: datetime


class ChangeNotifications(Struct, frozen=True):
    """Change the member's own notifications. A missing value stays unchanged; None restores the default of the role."""

    at: datetime
    threshold: Threshold | UnsetType | None = UNSET
    thresholds: dict[AlertType, Threshold | None] | UnsetType = UNSET


MemberCommand = AddMember | ChangeRole | RemoveMember | TransferOwnership | ReceiveOwnership | ChangeNotifications
