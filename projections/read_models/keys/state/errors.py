"""Errors of the verification table. The first line of each docstring is the message."""

from infrastructure.database.errors import StorageError


class DigestTaken(StorageError):
    """The secret belongs to another key already. Create a new key."""
