"""Refusals of the identification command. The first line of each docstring is the message."""

from domain.refusal import Conflict


class IdentificationExists(Conflict):
    """An identification with this id already exists."""
