"""OpenAPI operations on the organization, its members and invitations."""

from app.api.organization import update as change_details
from app.api.organization.get import organization_detail
from app.api.organization.invitations import create as invite
from app.api.organization.invitations import list as invitations
from app.api.organization.invitations.delete import withdraw_invitation
from app.api.organization.members import list as members
from app.api.organization.members import update as change_role
from app.api.organization.members.delete import remove_member
from app.api.organization.members.transfer_ownership import transfer_ownership
from app.openapi import examples, fields
from app.openapi.operation import Answer, Body, Operation, routed
from app.openapi.shapes import organization
from domain.members.email_address import EMAIL_LENGTH_MAX
from domain.organizations.decider import SETTINGS_MAX

_ORGANIZATION = "Organization"
_MEMBERS = "Members"
_ROLE = {"description": "What they may do. Nobody is made the owner by their role."}
_SETTINGS = {
    "description": "What clients keep about the organization. It decides nothing.",
    "maxProperties": SETTINGS_MAX,
}

OPERATIONS: list[Operation] = [
    routed(
        organization_detail,
        tag=_ORGANIZATION,
        summary="Show the organization",
        description="What the plan allows, and how much of that is used.",
        answer=Answer(organization.Organization, examples.ORGANIZATION),
        revised=True,
    ),
    routed(
        change_details.change_organization,
        tag=_ORGANIZATION,
        summary="Change the organization",
        description="What is left out stays. Only the owner, signed in, changes the plan.",
        body=Body(
            change_details.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "settings": _SETTINGS,
                "plan": {"description": "The plan. What there is beyond its limits stays."},
            },
            {"name": "Acme", "settings": {"theme": "dark"}},
        ),
        answer=Answer(organization.Organization, examples.ORGANIZATION),
        revised=True,
        conditional=True,
    ),
    routed(
        members.list_members,
        tag=_MEMBERS,
        summary="List members",
        description="In the order in which they came.",
        query=members.Query,
        query_fields={"role": {"description": "Only members in this role."}},
        answer=Answer(organization.Member, examples.MEMBER, paging="pages"),
    ),
    routed(
        invite.invite_member,
        tag=_MEMBERS,
        summary="Invite somebody",
        description=(
            "The link is in this answer and in a mail to the address. It works once, within seven days, as long as"
            " whoever invites may still give the role. Inviting the address anew replaces the invitation. A key gives"
            " no more than it has: no role with a grant that it lacks, and none at all when it expires, is bound to"
            " addresses, or is a test key."
        ),
        body=Body(
            invite.Body,
            {"email": {"description": "Whom to invite.", "maxLength": EMAIL_LENGTH_MAX}, "role": _ROLE},
            {"email": "ada@example.com", "role": "member"},
        ),
        answer=Answer(
            organization.SentInvitation,
            {
                "invite_id": examples.INVITE_ID,
                "email": "ada@example.com",
                "role": "member",
                "expires_at": examples.LATER,
                "invite_url": "https://keys.example.com/invitations/accept?token=ki_…",
            },
        ),
        errors=("member_limit_reached", "already_exists"),
        revised=True,
        repeatable=True,
    ),
    routed(
        change_role.change_member,
        tag=_MEMBERS,
        summary="Change a member's role",
        description=(
            "Not one's own, and not the owner's. The keys that the member made, and those that came of them, lose the"
            " management grants that the new role does not hold, with this answer."
        ),
        body=Body(change_role.Body, {"role": _ROLE}, {"role": "auditor"}),
        answer=Answer(organization.ChangedMember, {**examples.MEMBER, "role": "auditor", "keys_narrowed": 1}),
        revised=True,
        conditional=True,
    ),
    routed(
        remove_member,
        tag=_MEMBERS,
        summary="Remove a member",
        description=(
            "With this answer their sessions have ended and every key that they made is revoked, as is every key with"
            " management grants that came of those. Their history stays. The owner stays until the ownership is"
            " transferred."
        ),
        answer=Answer(organization.RemovedMember, {"removed": True, "user_id": examples.USER_ID, "keys_revoked": 2}),
        revised=True,
        conditional=True,
    ),
    routed(
        transfer_ownership,
        tag=_MEMBERS,
        summary="Transfer the ownership",
        description="The member is the owner from this answer on, and whoever was it is an admin.",
        answer=Answer(organization.Member, {**examples.MEMBER, "role": "owner"}),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        invitations.list_invitations,
        tag=_MEMBERS,
        summary="List open invitations",
        description="Those that can be accepted, newest first.",
        query=invitations.Query,
        answer=Answer(
            organization.Invitation,
            {
                "invite_id": examples.INVITE_ID,
                "email": "ada@example.com",
                "role": "member",
                "invited_by": {"id": examples.USER_ID, "email": "owner@example.com"},
                "invited_at": examples.THEN,
                "expires_at": examples.LATER,
            },
            paging="pages",
        ),
    ),
    routed(
        withdraw_invitation,
        tag=_MEMBERS,
        summary="Withdraw an invitation",
        description="Its link leads nowhere any more, and its address is forgotten.",
        answer=Answer(organization.WithdrawnInvitation, {"withdrawn": True, "invite_id": examples.INVITE_ID}),
        revised=True,
        conditional=True,
    ),
]
