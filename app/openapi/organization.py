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
_ROLE = {"description": "The role. Ownership cannot be assigned as a role; transfer it instead."}
_SETTINGS = {
    "description": "Data that clients store about the organization. The service does not use it.",
    "maxProperties": SETTINGS_MAX,
}

OPERATIONS: list[Operation] = [
    routed(
        organization_detail,
        tag=_ORGANIZATION,
        summary="Get the organization",
        description="The response includes the limits of the plan and their current use.",
        answer=Answer(organization.Organization, examples.ORGANIZATION),
        revised=True,
    ),
    routed(
        change_details.change_organization,
        tag=_ORGANIZATION,
        summary="Update the organization",
        description="Omitted fields stay unchanged. Only the signed-in owner can change the plan.",
        body=Body(
            change_details.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "settings": _SETTINGS,
                "plan": {"description": "The plan. Existing resources beyond its limits stay."},
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
        description="In the order in which they joined.",
        query=members.Query,
        query_fields={"role": {"description": "Only members with this role."}},
        answer=Answer(organization.Member, examples.MEMBER, paging="pages"),
    ),
    routed(
        invite.invite_member,
        tag=_MEMBERS,
        summary="Invite a member",
        description=(
            "Only this response and a mail to the address contain the link. It works once, within seven days, as "
            "long as the inviting caller may assign the role. A new invitation to the same address replaces the "
            "earlier one. A key cannot assign more than it has: no role with a grant that it lacks, and no role at "
            "all if the key expires, is restricted to networks, or is a test key."
        ),
        body=Body(
            invite.Body,
            {"email": {"description": "The address to invite.", "maxLength": EMAIL_LENGTH_MAX}, "role": _ROLE},
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
        summary="Change the role of a member",
        description=(
            "You cannot change your own role or the owner's. Once this response is sent, the keys that the member "
            "created, and the keys created with those, have lost the management grants that the new role lacks."
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
            "Once this response is sent, the member's sessions have ended, and every key that they created is "
            "revoked, as is every key with management grants created with those. Their history stays. The owner "
            "cannot be removed before transferring the ownership."
        ),
        answer=Answer(organization.RemovedMember, {"removed": True, "user_id": examples.USER_ID, "keys_revoked": 2}),
        revised=True,
        conditional=True,
    ),
    routed(
        transfer_ownership,
        tag=_MEMBERS,
        summary="Transfer ownership",
        description="The member is the owner once this response is sent, and the previous owner is an admin.",
        answer=Answer(organization.Member, {**examples.MEMBER, "role": "owner"}),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        invitations.list_invitations,
        tag=_MEMBERS,
        summary="List open invitations",
        description="Invitations that can be accepted, newest first.",
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
        description="The link stops working, and the address is erased.",
        answer=Answer(organization.WithdrawnInvitation, {"withdrawn": True, "invite_id": examples.INVITE_ID}),
        revised=True,
        conditional=True,
    ),
]
