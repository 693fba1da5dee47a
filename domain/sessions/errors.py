"""Refusals of session commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound


class SessionNotFound(NotFound):
    """There is no such session."""


class SessionExists(Conflict):
    """There is a session of this id already."""
