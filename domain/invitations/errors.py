"""Refusals of invitation commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound


class InvitationNotFound(NotFound):
    """Invitation not found."""


class InvitationUsed(Conflict):
    """This invitation has already been accepted. Sign in instead."""


class InvitationWithdrawn(Conflict):
    """This invitation was withdrawn or replaced by a newer one. Use the newest invitation, or ask for a new one."""


class InvitationExpired(Conflict):
    """This invitation has expired. Ask for a new one."""


class InviterLostAuthority(Conflict):
    """The sender of this invitation is no longer allowed to assign its role. Ask for a new invitation."""
