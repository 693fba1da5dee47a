"""The calls of `client.members`: members and invitations of the organization."""

from typing import Literal, TypeAlias
from urllib.parse import quote

from keyledger.call import Call, Repeat, data_of, json_body, page_of, query_of, with_headers
from keyledger.models.members import (
    ChangedMember,
    Invitation,
    Member,
    RemovedMember,
    SentInvitation,
    WithdrawnInvitation,
)
from keyledger.models.page import Page

Role: TypeAlias = Literal["viewer", "member", "auditor", "admin"]

_MEMBERS = "/v1/organization/members"
_INVITATIONS = "/v1/organization/invitations"
_KEY_CHANGES_SECONDS = 60.0
"""Timeout of a change of a member, which changes or revokes each of their keys before the service responds."""

_members = page_of(Member)
_found_member = data_of(Member)
_changed = data_of(ChangedMember)
_removed = data_of(RemovedMember)
_sent = data_of(SentInvitation)
_invitations = page_of(Invitation)
_found_invitation = data_of(Invitation)
_withdrawn = data_of(WithdrawnInvitation)


def list_members(
    *,
    role: Role | Literal["owner"] | None = None,
    page: int | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[Member]]:
    """List the members of the organization, in the order in which they joined."""
    return Call("GET", _MEMBERS, _members, query_of(role=role, page=page, cursor=cursor, per_page=per_page))


def get_member(user_id: str) -> Call[Member]:
    """Return one member."""
    return Call("GET", _member(user_id), _found_member)


def update_member(user_id: str, role: Role, *, if_match: int | None = None) -> Call[ChangedMember]:
    """Change the role of a member. Their keys lose the grants that the new role lacks."""
    headers = with_headers(if_match=if_match)
    return Call(
        "PATCH",
        _member(user_id),
        _changed,
        body=json_body(role=role),
        headers=headers,
        repeat=Repeat.WITH_IDEMPOTENCY_KEY,
        timeout_seconds=_KEY_CHANGES_SECONDS,
    )


def delete_member(user_id: str) -> Call[RemovedMember]:
    """Remove a member and revoke their keys. The history of the member and the keys stays in the audit log."""
    return Call(
        "DELETE", _member(user_id), _removed, repeat=Repeat.WITH_IDEMPOTENCY_KEY, timeout_seconds=_KEY_CHANGES_SECONDS
    )


def create_invitation(email: str, role: Role, *, idempotency_key: str | None = None) -> Call[SentInvitation]:
    """Invite an address. This replaces an earlier invitation of the address, whose link stops working."""
    headers = with_headers(idempotency_key=idempotency_key)
    body = json_body(email=email, role=role)
    return Call("POST", f"{_MEMBERS}/invite", _sent, body=body, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def list_invitations(
    *, page: int | None = None, cursor: str | None = None, per_page: int | None = None
) -> Call[Page[Invitation]]:
    """List the open invitations, newest first."""
    return Call("GET", _INVITATIONS, _invitations, query_of(page=page, cursor=cursor, per_page=per_page))


def get_invitation(invite_id: str) -> Call[Invitation]:
    """Return one open invitation."""
    return Call("GET", _invitation_path(invite_id), _found_invitation)


def delete_invitation(invite_id: str) -> Call[WithdrawnInvitation]:
    """Withdraw an invitation. Its link stops working."""
    return Call("DELETE", _invitation_path(invite_id), _withdrawn, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def _member(user_id: str) -> str:
    return f"{_MEMBERS}/{quote(user_id, safe='')}"


def _invitation_path(invite_id: str) -> str:
    return f"{_INVITATIONS}/{quote(invite_id, safe='')}"
