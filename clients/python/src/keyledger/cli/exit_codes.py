"""Exit codes of the command line, each with one meaning, and the errors of the command line itself.

As in grep and diff, 1 is the result of a check, and errors have other codes.
"""

from collections.abc import Mapping
from textwrap import fill
from typing import Final

OK: Final = 0
CHECK_FAILED: Final = 1
USAGE: Final = 2
UNAVAILABLE: Final = 3
DIFFERENCES: Final = 4
REFUSED: Final = 5
NOT_CONFIRMED: Final = 6
INCOMPLETE: Final = 7
NOT_WRITTEN: Final = 8
INTERRUPTED: Final = 130

MEANINGS: Final[Mapping[int, str]] = {
    OK: "done",
    CHECK_FAILED: "a check failed: the key is not valid or not known, a tool or server reports a failure or does not"
    " respond, a scan found a key, or an import rejected rows",
    USAGE: "the command cannot be executed as given",
    UNAVAILABLE: "the service cannot be reached or is not available, or its response is incomplete; retry later",
    DIFFERENCES: "apply --dry-run found differences",
    REFUSED: "the service refused the request",
    NOT_CONFIRMED: "the question was not answered with yes; nothing was changed",
    INCOMPLETE: "scan found no key, but could not read everything",
    NOT_WRITTEN: "the command was executed, but its output could not be written, or a new secret is lost",
    INTERRUPTED: "interrupted",
}

_WIDTH: Final = 80

EXPLAINED: Final = "exit codes:\n" + "".join(
    fill(meaning, _WIDTH, initial_indent=f"{code:>5}  ", subsequent_indent=" " * 7) + "\n"
    for code, meaning in MEANINGS.items()
)


class UsageError(Exception):
    """The command cannot be executed as given. The message states the reason."""


class NotConfirmed(Exception):
    """The user answered a question with no. Nothing was changed."""


class NotWritten(Exception):
    """The command was executed, but its output could not be written. The message states the reason."""


class SecretNotStored(NotWritten):
    """A secret exists, but could not be written or printed, so it is lost. The message states the remedy."""
