"""The command `keyledger`."""

import io
import os
import sys
from collections.abc import Sequence

from keyledger.cli import exit_codes
from keyledger.cli.arguments import parser
from keyledger.cli.completion import VARIABLE, candidates
from keyledger.errors import (
    IncompleteAnswer,
    InternalError,
    KeyledgerError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)

_NOT_NOW = (Unreachable, Unavailable, RateLimited, InternalError, IncompleteAnswer, UnexpectedAnswer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute one command. Errors are one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name may contain characters that the terminal does not support. A ? is better than no list.
            stream.reconfigure(errors="replace")
    if VARIABLE in os.environ:
        for candidate in candidates(parser(), sys.argv[1:] if arguments is None else arguments):
            print(f"{candidate.word}\t{candidate.description}")
        return exit_codes.OK
    parsed = parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except exit_codes.UsageError as error:
        return _failed(str(error), exit_codes.USAGE)
    except KeyledgerError as error:
        return _failed(str(error), exit_codes.UNREACHABLE if isinstance(error, _NOT_NOW) else exit_codes.REFUSED)
    except BrokenPipeError:
        # The reader has closed the pipe, as `| head` does. Without this, Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    except KeyboardInterrupt:
        return _failed("Interrupted.", 130)
    return code


def _failed(message: str, code: int) -> int:
    print(f"keyledger: {message}", file=sys.stderr)
    return code
