"""Exit codes of the command line."""

from typing import Final

OK: Final = 0
REFUSED: Final = 1
"""The service refused the call, or the key is not valid."""
USAGE: Final = 2
"""The command cannot be executed as given."""
UNREACHABLE: Final = 3
"""The service did not respond or not completely, or asked the caller to retry later."""

EXPLAINED = """exit codes:
  0  done, or valid
  1  refused, or not valid
  2  the command line is incorrect
  3  the service cannot be reached or is not available, or its response is incomplete
"""


class UsageError(Exception):
    """The command cannot be executed as given. The message states the reason."""
