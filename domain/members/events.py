"""What can happen to a member of an organization. The law of `domain/keys/events.py` holds here too.

A person's address is no part of any event: it lies in the table `users`, from which it can be erased.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.alerts.events import AlertType, Severity

Role = Literal["viewer", "member", "auditor", "admin", "owner"]

Threshold = Severity | Literal["off"]
"""From which severity on a mail is sent."""


class MemberAdded(Struct, frozen=True, tag_field="type", tag="team.member_added"):
    user_id: str
    organization_id: str
    role: Role
    added_at: datetime


class MemberRoleChanged(Struct, frozen=True, tag_field="type", tag="team.member_role_changed"):
    """To or from any role but the owner's, which changes hands by the two events below."""

    role: Role
    changed_at: datetime


class OwnershipTransferred(Struct, frozen=True, tag_field="type", tag="team.ownership_transferred"):
    """The owner is an admin from now on; `OwnershipReceived` stands in the stream of `to_user_id`, always with it."""

    to_user_id: str
    transferred_at: datetime


class OwnershipReceived(Struct, frozen=True, tag_field="type", tag="team.ownership_received"):
    from_user_id: str
    received_at: datetime


class NotificationsChanged(Struct, frozen=True, tag_field="type", tag="team.notifications_changed"):
    """Of which alerts a member wants to get mails: everything that they chose, and not only what is new.

    `threshold` is for all types that are not among `thresholds`. None: they leave it to what their role gets.
    """

    threshold: Threshold | None
    thresholds: dict[AlertType, Threshold]
    changed_at: datetime


class MemberRemoved(Struct, frozen=True, tag_field="type", tag="team.member_removed"):
    """For ever: whoever comes back is another member, with an id of their own."""

    removed_at: datetime


MemberEvent = (
    MemberAdded | MemberRoleChanged | OwnershipTransferred | OwnershipReceived | NotificationsChanged | MemberRemoved
)
