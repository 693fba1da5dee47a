"""What can go wrong with a version. The first line of each docstring is the message."""

from eventstore.errors import LogError


class RebuildError(LogError):
    """That version could not be made."""


class AlreadyAtWork(RebuildError):
    """Somebody else is making a version of this read model. Wait for them, or end their process."""


class UsesRemoved(RebuildError):
    """Uses that this read model follows from have left the log."""


class CanNotGoOn(RebuildError):
    """A lane can not be applied to the new version."""


class NotToBeHad(RebuildError):
    """The tables were in use all the time: nothing was switched. Try again; what was made is still there."""
