"""Exit codes of the command line."""

from typing import Final

OK: Final = 0
REFUSED: Final = 1
"""The service refused the call, the key is not valid, or the user did not confirm."""
USAGE: Final = 2
"""The command cannot be executed as given."""
UNREACHABLE: Final = 3
"""The service did not respond or not completely, or asked the caller to retry later."""
DIFFERENCES: Final = 4
"""`apply --dry-run` would change something."""

INTERRUPTED: Final = 130

EXPLAINED = """exit codes:
  0  done, or valid
  1  refused, not valid, or not confirmed; of scan: a key was found
  2  the command line is incorrect
  3  the service cannot be reached or is not available, or its response is incomplete;
     of scan: no key was found, but not everything could be read
  4  apply --dry-run found differences
"""


class UsageError(Exception):
    """The command cannot be executed as given. The message states the reason."""


class NotConfirmed(Exception):
    """The user answered a question with no. Nothing was changed."""


class SecretNotStored(Exception):
    """A secret exists, but could not be written or printed, so it is lost. The message states the remedy."""
