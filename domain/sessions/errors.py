"""Refusals of session commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound


class SessionNotFound(NotFound):
    """Session not found."""


class SessionExists(Conflict):
    """A session with this id already exists."""
