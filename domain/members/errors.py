"""Refusals of member commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, Forbidden, LimitReached, NotFound, OwnerOnly, Refusal


class MemberNotFound(NotFound):
    """Member not found."""


class MemberLimitReached(LimitReached):
    """The plan does not allow more members. Remove a member, or change the plan."""

    code = "member_limit_reached"


class AlreadyMember(Refusal):
    """A member with this email address already exists."""

    code = "already_exists"


class CannotChangeOwnRole(Forbidden):
    """You cannot change your own role. Ask another member who can manage roles."""


class OwnerCannotLeave(Forbidden):
    """The owner cannot leave or change roles. Transfer the ownership to another member first."""


class OwnershipMustBeTransferred(Forbidden):
    """You cannot assign the owner role. Ask the current owner to transfer the ownership."""


class OnlyTheOwner(OwnerOnly):
    """Only the owner of the organization is allowed to do this."""


class AlreadyOwner(Conflict):
    """This member is already the owner."""


class RoleBeyondAuthority(Forbidden):
    """You cannot assign a role that has more permissions than your own."""
