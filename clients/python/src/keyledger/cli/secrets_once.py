"""Secrets that are shown once: on standard output, or in a file that only its owner can read."""

import argparse
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import SecretNotStored
from keyledger.cli.files import NewFile, new_file
from keyledger.cli.grammar import Parser
from keyledger.cli.output import discard_output, print_json
from keyledger.cli.tables import print_fields
from keyledger.secret import Secret


def add_secret_options(parser: Parser, what: str = "secret") -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--secret-only", action="store_true", help=f"print the {what} and nothing else")
    place.add_argument(
        "--out", metavar="FILE", help=f"write the {what} to a new file with mode 0600 instead of printing it"
    )


@contextmanager
def secret_file(arguments: argparse.Namespace) -> Generator[NewFile | None]:
    """Create the file of `--out` before the secret exists. None: the secret is printed."""
    if arguments.out is None:
        yield None
        return
    path = Path(arguments.out)
    with new_file(path, exists=f"{path} exists already. Choose another file, so that no secret is lost.") as file:
        yield file


def show_secret(
    arguments: argparse.Namespace,
    file: NewFile | None,
    value: object,
    secret: Secret,
    fields: Sequence[tuple[str, str]],
    what: str = "secret",
    *,
    remedy: str,
) -> int:
    """Print `value` and its secret, or only one of them. A secret that is in a file is not printed.

    Raise SecretNotStored if it can be neither stored nor printed. `remedy`: the command that gets another one.
    """
    stored = file if file is not None and _is_stored(file, secret) else None
    try:
        _print(arguments, stored, value, secret, fields, what)
        sys.stdout.flush()
    except OSError as error:
        if stored is not None:
            raise
        discard_output()
        raise SecretNotStored(
            f"The command was carried out, but the output cannot be written: {error}. The {what} is lost, because it is"
            f" shown only once. Get another one with: {remedy}"
        ) from None
    return exit_codes.OK if stored is file else exit_codes.NOT_WRITTEN


def _print(
    arguments: argparse.Namespace,
    stored: NewFile | None,
    value: object,
    secret: Secret,
    fields: Sequence[tuple[str, str]],
    what: str,
) -> None:
    if arguments.secret_only:
        print(secret.reveal())
    elif arguments.json:
        print_json(value, with_secrets=stored is None)
    else:
        print_fields(fields)
        if stored is not None:
            print(f"\nThe {what} is in {stored.path}.")
        else:
            print(f"\n{secret.reveal()}\n\nThis is the {what}. Store it now: it is not shown again.")


def _is_stored(file: NewFile, secret: Secret) -> bool:
    """Write the secret to the file, and return whether it is there. Otherwise, the caller prints it."""
    try:
        file.rewrite(f"{secret.reveal()}\n".encode())
    except OSError as error:
        print(f"keyledger: {file.path} cannot be written: {error}", file=sys.stderr)
        return False
    return True
