"""Refusals of organization commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound, OwnerOnly


class OrganizationNotFound(NotFound):
    """Organization not found."""


class OnlyOwnerChangesPlan(OwnerOnly):
    """Only the owner of the organization can change its plan."""


class OrganizationIsDeleted(Conflict):
    """The organization has been deleted. The operator of the service can restore it for 30 days."""


class OrganizationIsErased(Conflict):
    """The organization can no longer be restored: the time for that is over, and its credentials are erased."""


class OrganizationNotDeleted(Conflict):
    """The organization is not deleted."""
