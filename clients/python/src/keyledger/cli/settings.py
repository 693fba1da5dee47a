"""The service's URL and the key to use, from the command line, the environment and the configuration file."""

import argparse
import os
import sys
from getpass import getpass
from pathlib import Path
from typing import NamedTuple

import httpx2

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import read_input
from keyledger.cli.key_files import KEY, SIZE_MAX, key_in, text_of_key
from keyledger.cli.profiles import configuration_file, profile_of
from keyledger.cli.standard_input import standard_input
from keyledger.clients import Keyledger
from keyledger.secret import Secret

_STDIN = "-"


def client_of(arguments: argparse.Namespace) -> Keyledger:
    """Return the client for the arguments. Options override the environment, which overrides the profile.

    Raise UsageError if a setting is missing or incorrect.
    """
    return client_and_key_of(arguments)[0]


def client_and_key_of(arguments: argparse.Namespace) -> tuple[Keyledger, Secret]:
    """Return the client, as `client_of` does, and the key that it uses."""
    service = _service(arguments)
    key = _management_key(arguments, service.key_file, is_chosen=service.is_chosen)
    return _connected(service, key), key


def client_without_key(arguments: argparse.Namespace) -> Keyledger:
    """Return the client for calls that need no key. None is sent."""
    return _connected(_service(arguments), None)


class _Service(NamedTuple):
    """A service, and the key file of the profile for it. `is_chosen`: the user chose the profile."""

    url: str
    key_file: Path | None
    is_chosen: bool


def _service(arguments: argparse.Namespace) -> _Service:
    for option in ("url", "profile", "key_file"):
        if getattr(arguments, option) == "":
            raise UsageError(f"--{option.replace('_', '-')} is empty. Is a variable not set?")
    chosen: str | None = arguments.profile or os.environ.get("KEYLEDGER_PROFILE") or None
    profile = profile_of(chosen)
    given: str | None = arguments.url or (None if chosen else os.environ.get("KEYLEDGER_URL"))
    url = (given or profile.url or os.environ.get("KEYLEDGER_URL") or "").strip()
    if not url:
        raise UsageError(
            f"The address of the service is missing. Set KEYLEDGER_URL, use --url, or add a profile to"
            f" {configuration_file() or 'the configuration file'}."
        )
    if not url.startswith(("http://", "https://")):
        raise UsageError("The URL must begin with http:// or https://.")
    # The key of a profile must not reach another service than that of the profile.
    is_same = profile.url is None or profile.url.rstrip("/") == url.rstrip("/")
    return _Service(url, profile.key_file if is_same else None, chosen is not None)


def _connected(service: _Service, key: Secret | None) -> Keyledger:
    try:
        return Keyledger(service.url, key)
    except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
        raise UsageError(f"The service cannot be called: {error}") from None


def key_argument(given: str) -> Secret:
    """Return a key from the command line. `-` reads it from standard input, which keeps it out of the shell history."""
    if given != _STDIN:
        return Secret(given)
    return key_in(standard_input(), "Standard input", may_be_of_another_system=True)


def raw_key_argument(given: str) -> Secret:
    """Return a text from the command line that may not be a key. On standard input, files are read as for a key."""
    return Secret(text_of_key(standard_input(), "Standard input") if given == _STDIN else given)


def found_secret() -> Secret:
    """Return a secret from standard input; on a terminal, ask for it without showing it.

    It is no argument, because other programs could read it in the list of processes.
    """
    if sys.stdin.isatty():
        try:
            return key_in(getpass("Secret: ").encode(), "What was entered", may_be_of_another_system=True)
        except EOFError:
            raise UsageError("No secret was entered.") from None
    return key_in(standard_input(), "Standard input", may_be_of_another_system=True)


def _management_key(arguments: argparse.Namespace, file_of_profile: Path | None, *, is_chosen: bool) -> Secret:
    named: str | None = arguments.key_file
    given = os.environ.get("KEYLEDGER_ADMIN_KEY", "")
    if named is not None:
        return _key_in_file(named)
    if file_of_profile is not None and (is_chosen or not given):
        return _key_in_file(str(file_of_profile))
    if not given.strip():
        raise UsageError(
            "The management key is missing. Set KEYLEDGER_ADMIN_KEY, use --key-file, or add key_file to a profile."
        )
    return key_in(given.encode(), "KEYLEDGER_ADMIN_KEY")


def _key_in_file(name: str) -> Secret:
    if KEY.search(name):
        raise UsageError("--key-file needs the name of a file, not the key itself.")
    place, content = read_input(name, "The key file", SIZE_MAX)
    return key_in(content, place)
