"""Refusals of invitation commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound


class InvitationNotFound(NotFound):
    """There is no such invitation."""


class InvitationUsed(Conflict):
    """The invitation was accepted already. Sign in instead."""


class InvitationWithdrawn(Conflict):
    """The invitation was withdrawn, or replaced by a newer one."""


class InvitationExpired(Conflict):
    """The invitation has expired. Ask for a new one."""


class InviterLostAuthority(Conflict):
    """Whoever sent the invitation may not give this role any more. Ask for a new one."""
