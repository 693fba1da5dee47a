"""Secrets that are shown once: on standard output, or in a file that only its owner can read."""

import argparse
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import SecretNotStored, UsageError
from keyledger.cli.grammar import Parser
from keyledger.cli.output import discard_output, print_json
from keyledger.cli.tables import print_fields
from keyledger.secret import Secret

_OWNER_ONLY = 0o600


def add_secret_options(parser: Parser, what: str = "secret") -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--secret-only", action="store_true", help=f"print the {what} and nothing else")
    place.add_argument(
        "--out", metavar="FILE", help=f"write the {what} to a new file with mode 0600 instead of printing it"
    )


class SecretFile(NamedTuple):
    """A new file, or None if the secret is printed."""

    path: Path | None
    descriptor: int


@contextmanager
def secret_file(arguments: argparse.Namespace) -> Generator[SecretFile]:
    """Create the file of `--out` before the secret exists, so that the secret is not lost if that fails.

    An existing file is not replaced. If an error occurs before the secret is written, the file is removed.
    """
    if arguments.out is None:
        yield SecretFile(None, -1)
        return
    path = Path(arguments.out)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise UsageError(f"{path} exists already. Choose another file, so that no secret is lost.") from None
    except OSError as error:
        raise UsageError(f"The file cannot be written: {error}") from None
    try:
        yield SecretFile(path, descriptor)
    finally:
        is_empty = os.fstat(descriptor).st_size == 0
        os.close(descriptor)
        if is_empty:
            with suppress(OSError):
                path.unlink()


def show_secret(
    arguments: argparse.Namespace,
    file: SecretFile,
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
    is_stored = _stored(file, secret)
    try:
        _print(arguments, file, value, secret, fields, what, is_stored=is_stored)
        sys.stdout.flush()
    except OSError as error:
        if is_stored:
            raise
        discard_output()
        raise SecretNotStored(
            f"The command was carried out, but the output cannot be written: {error}. The {what} is lost, because it is"
            f" shown only once. Get another one with: {remedy}"
        ) from None
    return exit_codes.OK if is_stored or file.path is None else exit_codes.REFUSED


def _print(
    arguments: argparse.Namespace,
    file: SecretFile,
    value: object,
    secret: Secret,
    fields: Sequence[tuple[str, str]],
    what: str,
    *,
    is_stored: bool,
) -> None:
    if arguments.secret_only:
        print(secret.reveal())
    elif arguments.json:
        print_json(value, with_secrets=not is_stored)
    else:
        print_fields(fields)
        if is_stored:
            print(f"\nThe {what} is in {file.path}.")
        else:
            print(f"\n{secret.reveal()}\n\nThis is the {what}. Store it now: it is not shown again.")


def _stored(file: SecretFile, secret: Secret) -> bool:
    """Write the secret to the file, if there is one, and return whether it is there. Otherwise it is printed."""
    if file.path is None:
        return False
    try:
        os.write(file.descriptor, f"{secret.reveal()}\n".encode())
        os.fsync(file.descriptor)
    except OSError as error:
        os.ftruncate(file.descriptor, 0)
        print(f"keyledger: {file.path} cannot be written: {error}", file=sys.stderr)
        return False
    return True
