from collections.abc import Sequence


class CannotStart(Exception):
    """Something is in the way. The message is one whole line for whoever typed the command.

    `details` are the last lines that a failed child wrote, shown above it.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = details
