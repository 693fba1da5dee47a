"""Refusals of organization commands. The first line of each docstring is the message."""

from domain.refusal import NotFound, OwnerOnly


class OrganizationNotFound(NotFound):
    """There is no such organization."""


class OnlyOwnerChangesPlan(OwnerOnly):
    """Only the owner of the organization may change its plan."""
