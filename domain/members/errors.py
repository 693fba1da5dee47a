"""Refusals of member commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, Forbidden, LimitReached, NotFound, OwnerOnly, Refusal


class MemberNotFound(NotFound):
    """There is no such member."""


class MemberLimitReached(LimitReached):
    """The plan's limit of members is reached. Remove a member, or change the plan."""

    code = "member_limit_reached"


class AlreadyMember(Refusal):
    """There is a member with this address already."""

    code = "already_exists"


class CannotChangeOwnRole(Forbidden):
    """Nobody changes their own role."""


class OwnerCannotLeave(Forbidden):
    """The owner keeps their role and stays until they have transferred the ownership to another member."""


class OwnershipMustBeTransferred(Forbidden):
    """Nobody is made the owner by their role: the owner transfers the ownership."""


class OnlyTheOwner(OwnerOnly):
    """Only the owner of the organization may do this."""


class AlreadyOwner(Conflict):
    """This member is the owner already."""


class RoleBeyondAuthority(Forbidden):
    """A role can be given only by one who holds all that the role holds."""
