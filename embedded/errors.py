from collections.abc import Sequence


class CannotStart(Exception):
    """`make run` cannot start. The message is one complete line for the user who ran the command.

    `details` are the last lines that a failed child wrote, shown above the message.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = details
