"""The service's URL and the key to use, from the command line and the environment."""

import argparse
import os
import sys
from getpass import getpass
from pathlib import Path

from keyledger.cli.exit_codes import UsageError
from keyledger.clients import Keyledger
from keyledger.secret import Secret


def client_of(arguments: argparse.Namespace) -> Keyledger:
    """Return the client for the arguments. Raises UsageError if a setting is missing."""
    url = arguments.url or os.environ.get("KEYLEDGER_URL")
    if not url:
        raise UsageError("The address of the service is missing. Use --url or set KEYLEDGER_URL.")
    if not url.startswith(("http://", "https://")):
        raise UsageError("The URL must begin with http:// or https://.")
    try:
        return Keyledger(url, _management_key(arguments.key_file))
    except ValueError as error:
        raise UsageError(str(error)) from None


def key_argument(given: str) -> Secret:
    """Return a key from the command line. `-` reads it from standard input, which keeps it out of the shell history."""
    return Secret(sys.stdin.readline().rstrip("\r\n") if given == "-" else given)


def found_secret() -> Secret:
    """Return a secret from standard input; on a terminal, ask for it without showing it.

    It is no argument, because other programs could read it in the list of processes.
    """
    given = getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.readline()
    return Secret(given.strip())


def _management_key(key_file: str | None) -> Secret:
    if key_file is None:
        key = os.environ.get("KEYLEDGER_ADMIN_KEY", "")
    else:
        try:
            key = sys.stdin.readline() if key_file == "-" else Path(key_file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The key file cannot be read: {error}") from None
    if not key.strip():
        raise UsageError("The management key is missing. Set KEYLEDGER_ADMIN_KEY or use --key-file.")
    return Secret(key.strip())
