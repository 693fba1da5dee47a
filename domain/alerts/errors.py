"""Refusals of alert commands. The first line of each docstring is the message."""

from domain.refusal import NotFound


class AlertNotFound(NotFound):
    """Alert not found, or not visible to the caller."""
