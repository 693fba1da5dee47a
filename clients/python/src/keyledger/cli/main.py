"""The command `keyledger`."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from keyledger.cli import exit_codes
from keyledger.cli.commands import parser
from keyledger.cli.completion import VARIABLE, candidates
from keyledger.cli.grammar import new_namespace
from keyledger.cli.key_files import without_keys
from keyledger.cli.output import discard_output
from keyledger.cli.tables import printable
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
        message, code = f"The output cannot be written: {error}", exit_codes.USAGE
    except (exit_codes.UsageError, exit_codes.NotConfirmed, exit_codes.SecretNotStored, KeyledgerError) as error:
        message, code = str(error), _code_of(error)
    print(f"keyledger: {printable(without_keys(message))}", file=sys.stderr)
    return code


def _execute(parsed: argparse.Namespace) -> int:
    code: int = parsed.run(parsed)
    sys.stdout.flush()
    return code


def _code_of(error: Exception) -> int:
    if isinstance(error, exit_codes.UsageError):
        return exit_codes.USAGE
    return exit_codes.UNREACHABLE if isinstance(error, _NOT_NOW) else exit_codes.REFUSED
