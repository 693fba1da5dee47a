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


def configuration_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "keyledger/config.toml"


def profile_of(name: str | None) -> Profile:
    """Return the profile `name`, or the default one for None. Raise UsageError if it does not exist."""
    file = configuration_file()
    profiles = _read(file).profiles
    found = profiles.get(name or DEFAULT)
    if found is None and name is None:
        return Profile()
    if found is None:
        known = f"It has {', '.join(sorted(profiles))}." if profiles else "It has no profiles."
        raise UsageError(f"The profile {name!r} is not in {file}. {known}")
    key_file = None if found.key_file is None else file.parent / Path(found.key_file).expanduser()
    return Profile(found.url, key_file)


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
