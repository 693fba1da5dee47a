"""Refusals of organization commands. The first line of each docstring is the message."""

from domain.refusal import NotFound, OwnerOnly


class OrganizationNotFound(NotFound):
    """Organization not found."""


class OnlyOwnerChangesPlan(OwnerOnly):
    """Only the owner of the organization can change its plan."""
