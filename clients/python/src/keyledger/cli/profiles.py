"""Profiles in the configuration file: addresses of services, and files with their management keys.

    [profiles.production]
    url = "https://keys.example.com"
    key_file = "production.key"

The file is `~/.config/keyledger/config.toml`, or in `$XDG_CONFIG_HOME/keyledger`. A relative `key_file` is next to it.
"""

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from keyledger.cli.exit_codes import UsageError

DEFAULT = "default"
"""The profile that is used if it exists and no other is chosen."""


class Profile(NamedTuple):
    url: str | None = None
    key_file: Path | None = None


class _Settings(Struct, forbid_unknown_fields=True):
    url: str | None = None
    key_file: str | None = None


class _Configuration(Struct, forbid_unknown_fields=True):
    profiles: dict[str, _Settings] = field(default_factory=dict[str, _Settings])


def configuration_file() -> Path | None:
    """Return the path of the configuration file, or None if the user has no home folder, as in some containers."""
    given = os.environ.get("XDG_CONFIG_HOME")
    try:
        folder = Path(given) if given else Path.home() / ".config"
    except RuntimeError:
        return None
    return folder / "keyledger/config.toml"


def profile_of(name: str | None) -> Profile:
    """Return the profile `name`, or the default one for None. Raise UsageError if it does not exist."""
    file = configuration_file()
    if file is None:
        if name is None:
            return Profile()
        raise UsageError(f"The profile {name!r} cannot be found without a home folder. Set HOME or XDG_CONFIG_HOME.")
    profiles = _read(file).profiles
    found = profiles.get(name or DEFAULT)
    if found is None and name is None:
        return Profile()
    if found is None:
        known = f"It has {', '.join(sorted(profiles))}." if profiles else "It has no profiles."
        raise UsageError(f"The profile {name!r} is not in {file}. {known}")
    return Profile(found.url, None if found.key_file is None else _key_file(file.parent, found.key_file))


def _key_file(folder: Path, name: str) -> Path:
    try:
        return folder / Path(name).expanduser()
    except RuntimeError as error:
        raise UsageError(f"The key file {name} cannot be found: {error}") from None


def _read(file: Path) -> _Configuration:
    try:
        content = file.read_text("utf-8-sig")
    except FileNotFoundError:
        return _Configuration()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {file} cannot be read: {error}") from None
    try:
        return msgspec.convert(tomllib.loads(content), _Configuration)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"The configuration file {file} is incorrect: {error}") from None
