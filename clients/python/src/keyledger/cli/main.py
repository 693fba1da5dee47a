"""The command `keyledger`."""

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence

from keyledger.cli import exit_codes
from keyledger.cli.commands import parser
from keyledger.cli.completion import VARIABLE, candidates
from keyledger.cli.grammar import new_namespace
from keyledger.cli.output import discard_output
from keyledger.cli.tables import printable
from keyledger.errors import (
    IncompleteAnswer,
    InternalError,
    KeyledgerError,
    McpFailed,
    RateLimited,
    SecretLost,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from keyledger.secret import redacted

_CODES: Mapping[tuple[type[Exception], ...], int] = {
    (exit_codes.UsageError,): exit_codes.USAGE,
    (exit_codes.NotConfirmed,): exit_codes.NOT_CONFIRMED,
    (exit_codes.NotWritten, SecretLost): exit_codes.NOT_WRITTEN,
    (Unreachable, Unavailable, RateLimited, InternalError, IncompleteAnswer, UnexpectedAnswer): exit_codes.UNAVAILABLE,
    (McpFailed,): exit_codes.CHECK_FAILED,
    (KeyledgerError,): exit_codes.REFUSED,
}
"""The exit code of each error. The first class that matches decides."""


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
    try:
        return _execute(parser().parse_args(arguments, new_namespace()))
    except BrokenPipeError:
        # The reader has closed the pipe, as `| head` does.
        discard_output()
        return exit_codes.OK
    except KeyboardInterrupt:
        message, code = "Interrupted.", exit_codes.INTERRUPTED
    except UnicodeEncodeError:
        message, code = "An argument is not UTF-8.", exit_codes.USAGE
    except OSError as error:
        discard_output()
        message, code = f"The output cannot be written: {error}", exit_codes.NOT_WRITTEN
    except tuple(kind for kinds in _CODES for kind in kinds) as error:
        message = " ".join([str(error), *getattr(error, "__notes__", ())])
        code = next(code for kinds, code in _CODES.items() if isinstance(error, kinds))
    print(f"keyledger: {printable(redacted(message))}", file=sys.stderr)
    return code


def _execute(parsed: argparse.Namespace) -> int:
    code: int = parsed.run(parsed)
    sys.stdout.flush()
    return code
