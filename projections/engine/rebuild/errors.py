"""Errors of versions. The first line of each docstring is the message."""

from infrastructure.database.errors import StorageError


class RebuildError(StorageError):
    """That version could not be made."""


class AlreadyRunning(RebuildError):
    """Somebody else is making a version of this read model. Wait for them, or end their process."""


class UsageAlreadyRemoved(RebuildError):
    """Uses that this read model follows from have left the log."""


class ReplayStopped(RebuildError):
    """A lane can not be applied to the new version."""


class LockTimeout(RebuildError):
    """The tables were in use all the time: nothing was switched. Try again; what was made is still there."""
