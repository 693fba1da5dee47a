"""Errors of versions. The first line of each docstring is the message."""

from infrastructure.database.errors import StorageError


class RebuildError(StorageError):
    """The version could not be made."""


class AlreadyRunning(RebuildError):
    """Another process is building a version of this read model. Wait until it has finished, or stop it."""


class UsageAlreadyRemoved(RebuildError):
    """Uses that this read model follows from were removed from the log."""


class ReplayStopped(RebuildError):
    """A lane cannot be applied to the new version."""


class LockTimeout(RebuildError):
    """The tables were continuously in use, so nothing was switched. Try again; the new version is kept."""
