"""`keyledger members …` and `keyledger invitations …`"""

import argparse
from typing import get_args

from keyledger.cli.grammar import Commands, add_id, add_limit, add_question
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import named, show, tell
from keyledger.cli.questions import confirm
from keyledger.cli.secrets_once import add_secret_options, secret_file, show_secret
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column
from keyledger.cli.times import exact, when
from keyledger.endpoints.members import Role
from keyledger.models.members import Invitation, Member, SentInvitation

_ROLES = get_args(Role)
_MEMBERS = (Column("ID"), Column("ADDRESS", is_cut=True), Column("ROLE"), Column("JOINED"))
_INVITATIONS = (
    Column("ID"),
    Column("ADDRESS", is_cut=True),
    Column("ROLE"),
    Column("EXPIRES"),
    Column("INVITED BY", is_cut=True, left_out=1),
)


def add_commands(groups: Commands) -> None:
    _add_members(groups.group("members", "list, update and remove members of the organization"))
    _add_invitations(groups.group("invitations", "invite people, and list and withdraw invitations"))


def _add_members(commands: Commands) -> None:
    listed = commands.add("list", list_members, "list the members", "keyledger members list --role admin")
    listed.add_argument("--role", choices=(*_ROLES, "owner"), help="members with this role")
    add_limit(listed, None)
    add_id(commands.add("get", get_member, "show one member", "keyledger members get user_…"), "user", "member")
    updated = commands.add(
        "update", update, "change the role of a member", "keyledger members update user_… --role viewer"
    )
    add_id(updated, "user", "member")
    updated.add_argument("--role", choices=_ROLES, required=True, help="their keys lose grants that it does not have")
    removed = commands.add(
        "remove", remove, "remove a member and revoke their keys", "keyledger members remove user_… --yes"
    )
    add_id(removed, "user", "member")
    add_question(removed)


def _add_invitations(commands: Commands) -> None:
    created = commands.add(
        "create",
        invite,
        "invite an address; this replaces an earlier invitation of it",
        "keyledger invitations create ada@example.com --role admin",
    )
    created.add_argument("email", metavar="ADDRESS", help="the address to send the link to")
    created.add_argument("--role", choices=_ROLES, default="member", help="by default member")
    add_secret_options(created, "link")
    listed = commands.add("list", list_invitations, "list the open invitations", "keyledger invitations list")
    add_limit(listed, None)
    shown = commands.add("get", get_invitation, "show one invitation", "keyledger invitations get invite_…")
    add_id(shown, "invite", "invitation")
    withdrawn = commands.add(
        "withdraw",
        withdraw,
        "withdraw an invitation; its link stops working",
        "keyledger invitations withdraw invite_…",
    )
    add_id(withdrawn, "invite", "invitation")


def list_members(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.members.iterate(role=arguments.role, per_page=per_page(arguments.limit))
        return show_list(arguments, found, _MEMBERS, _member_row)


def get_member(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.members.get(arguments.id)
    return show(arguments, found, _member_fields(found))


def update(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        changed = client.members.update(arguments.id, arguments.role)
    narrowed = f" {changed.keys_narrowed} of their keys lost grants." if changed.keys_narrowed else ""
    return tell(arguments, changed, f"{named(changed.email, changed.user_id)} is {changed.role} now.{narrowed}")


def remove(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        if not arguments.yes:
            found = client.members.get(arguments.id)
            confirm(
                arguments,
                f"{named(found.email, found.user_id)} loses access, and all keys that they created are revoked.",
                "Remove the member?",
            )
        removed = client.members.delete(arguments.id)
    return tell(arguments, removed, f"{removed.user_id} is removed. Keys revoked: {removed.keys_revoked}.")


def invite(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client, secret_file(arguments) as file:
        sent = client.members.create_invitation(arguments.email, arguments.role)
        if sent.invite_url is None:
            return show(arguments, sent, _sent_fields(sent))
        remedy = f"keyledger invitations create {sent.email} --role {sent.role}"
        return show_secret(arguments, file, sent, sent.invite_url, _sent_fields(sent), "link", remedy=remedy)


def list_invitations(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.members.iterate_invitations(per_page=per_page(arguments.limit))
        return show_list(arguments, found, _INVITATIONS, _invitation_row)


def get_invitation(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.members.get_invitation(arguments.id)
    fields = [
        ("id", found.invite_id),
        ("address", found.email),
        ("role", found.role),
        ("invited", f"{exact(found.invited_at)} by {found.invited_by.name or found.invited_by.id}"),
        ("expires", exact(found.expires_at)),
    ]
    return show(arguments, found, fields)


def withdraw(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        withdrawn = client.members.delete_invitation(arguments.id)
    return tell(arguments, withdrawn, f"{withdrawn.invite_id} is withdrawn. Its link no longer works.")


def _member_row(member: Member) -> tuple[str, ...]:
    return (member.user_id, member.email or "erased", member.role, when(member.joined_at))


def _member_fields(member: Member) -> list[tuple[str, str]]:
    return [
        ("id", member.user_id),
        ("address", member.email or "erased"),
        ("role", member.role),
        ("joined", exact(member.joined_at)),
        ("revision", str(member.revision)),
    ]


def _invitation_row(invitation: Invitation) -> tuple[str, ...]:
    by = invitation.invited_by
    return (invitation.invite_id, invitation.email, invitation.role, when(invitation.expires_at), by.name or by.id)


def _sent_fields(sent: SentInvitation) -> list[tuple[str, str]]:
    return [
        ("id", sent.invite_id),
        ("address", sent.email),
        ("role", sent.role),
        ("expires", exact(sent.expires_at)),
    ]
