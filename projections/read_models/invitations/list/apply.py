"""Derive the rows of the invitation list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.invitations.events import InvitationEvent
from domain.invitations.state import ExistingInvitation, Open
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.invitations.list.queries import SQL


def apply(change: Change[Any, InvitationEvent]) -> Iterable[Statement]:
    state: ExistingInvitation = change.after
    yield put(state)
    if not isinstance(state, Open):
        yield Statement(SQL.address_remove, (state.invitation.id,))


def put(state: ExistingInvitation) -> Statement:
    """Return the statement that writes the whole row of an invitation."""
    invitation = state.invitation
    return Statement(
        SQL.invitation_put,
        (
            invitation.id,
            invitation.organization_id,
            invitation.role,
            state.__struct_config__.tag,
            bytes.fromhex(invitation.token_digest),
            invitation.invited_by.id,
            invitation.invited_at,
            invitation.expires_at,
        ),
    )
