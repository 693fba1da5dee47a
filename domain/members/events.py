"""Events of a member of an organization. The evolution rules in `domain/keys/events.py` apply here too.

No event contains a person's address. It is in the table `users`, from which it can be erased.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.alerts.events import AlertType, Severity

Role = Literal["viewer", "member", "auditor", "admin", "owner"]

AssignableRole = Literal["viewer", "member", "auditor", "admin"]
"""A role of an invitation. Ownership is transferred instead."""

Threshold = Severity | Literal["off"]
"""The minimum severity for which a mail is sent."""


class MemberAdded(Struct, frozen=True, tag_field="type", tag="team.member_added"):
    user_id: str
    organization_id: str
    role: Role
    added_at: datetime


class MemberRoleChanged(Struct, frozen=True, tag_field="type", tag="team.member_role_changed"):
    """The role changed, to or from any role but the owner's. The two events below transfer the ownership."""

    role: Role
    changed_at: datetime


class OwnershipTransferred(Struct, frozen=True, tag_field="type", tag="team.ownership_transferred"):
    """The owner became an admin. `OwnershipReceived` is in the stream of `to_user_id`, always together with this."""

    to_user_id: str
    transferred_at: datetime


class OwnershipReceived(Struct, frozen=True, tag_field="type", tag="team.ownership_received"):
    from_user_id: str
    received_at: datetime


class NotificationsChanged(Struct, frozen=True, tag_field="type", tag="team.notifications_changed"):
    """The member changed their notifications. Contains every choice they have made, not only the new ones.

    `threshold` applies to all types that are not in `thresholds`. None: the default of the role.
    """

    threshold: Threshold | None
    thresholds: dict[AlertType, Threshold]
    changed_at: datetime


class MemberRemoved(Struct, frozen=True, tag_field="type", tag="team.member_removed"):
    """The member was removed permanently. A person who comes back is a new member with a new id."""

    removed_at: datetime


MemberEvent = (
    MemberAdded | MemberRoleChanged | OwnershipTransferred | OwnershipReceived | NotificationsChanged | MemberRemoved
)
