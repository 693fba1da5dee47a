"""Response shapes of organizations, members and invitations, which `app/api/organization` creates."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.api.schemas import Count, Creator, InviteId, OrganizationId, Revision, Time, UserId
from domain.members.events import Role
from domain.organizations.events import Settings
from domain.plans.plan import PlanName

Limit = Annotated[int | None, Meta(description="Null: unlimited.")]
EmailAddress = Annotated[str, Meta(extra_json_schema={"format": "idn-email"})]


class OrganizationLimits(Struct):
    """The limits of the plan."""

    mcps: Limit
    api_keys: Limit
    team_members: Limit
    monthly_requests: Limit


class OrganizationUsage(Struct):
    """The current use of the limits. Requests are those with live keys in the calendar month (UTC)."""

    mcps: Count
    api_keys: Count
    team_members: Count
    monthly_requests: Count


class Organization(Struct):
    """An organization with its plan. Its slug never changes."""

    id: OrganizationId
    name: str
    slug: str
    description: str
    plan: PlanName
    created_at: Time
    settings: Settings
    limits: OrganizationLimits
    usage: OrganizationUsage
    revision: Revision


class Member(Struct):
    """A member of the organization. An erased address is null."""

    user_id: UserId
    email: EmailAddress | None
    role: Role
    joined_at: Time
    revision: Revision


class ChangedMember(Member):
    """A member after a role change."""

    keys_narrowed: Annotated[int, Meta(ge=0, description="The number of their keys that lost management grants.")]


class RemovedMember(Struct):
    removed: Annotated[bool, Meta(extra_json_schema={"const": True})]
    user_id: UserId
    keys_revoked: Count


class SentInvitation(Struct):
    """An invitation with its link. Only this response contains the link."""

    invite_id: InviteId
    email: EmailAddress
    role: Role
    expires_at: Time
    invite_url: Annotated[str | None, Meta(description="Null in a replayed response.")]


class Invitation(Struct):
    """An invitation that can be accepted."""

    invite_id: InviteId
    email: EmailAddress
    role: Literal["viewer", "member", "auditor", "admin"]
    invited_by: Creator
    invited_at: Time
    expires_at: Time


class WithdrawnInvitation(Struct):
    withdrawn: Annotated[bool, Meta(extra_json_schema={"const": True})]
    invite_id: InviteId
