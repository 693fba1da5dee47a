"""The folder of `--out-dir`: one file for each new secret, which only its owner can read."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyledger.cli.exit_codes import SecretNotStored, UsageError
from keyledger.secret import Secret

_OWNER_ONLY = 0o700
_FILE_MODE = 0o600
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_NAME_LENGTH_MAX = 60
_UNFINISHED = ".unfinished"


class SecretFolder:
    """A folder, which is created if it does not exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The folder {path} cannot be created: {error}") from None

    def unfinished(self) -> list[Path]:
        """Return the files of secrets that an interrupted command may not have received."""
        return sorted(self._path.glob(f"*{_UNFINISHED}"))

    @contextmanager
    def new_file(self, name: str) -> Generator["NewFile"]:
        """Create a file for a secret before the secret exists, so that an error is found while nothing is lost.

        Its name is final when the id is known. Without a secret, it is removed.
        """
        path = self._path / f"{safe(name)}{_UNFINISHED}"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        except FileExistsError:
            raise UsageError(
                f"{path} exists: an earlier command was interrupted before it received the secret of “{name}”. If"
                f" “{name}” exists, rotate its secret. Then delete the file."
            ) from None
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error}") from None
        file = NewFile(path, descriptor, safe(name))
        try:
            yield file
        finally:
            os.close(descriptor)
            if not file.is_kept:
                with suppress(OSError):
                    path.unlink()


class NewFile:
    """An empty file that waits for a secret. `is_kept`: it contains one."""

    def __init__(self, path: Path, descriptor: int, name: str) -> None:
        self._path = path
        self._descriptor = descriptor
        self._name = name
        self.is_kept = False

    def store(self, secret: Secret, resource_id: str, remedy: str) -> Path:
        """Write the secret, and return the final path. Raise SecretNotStored if that fails: the secret is lost."""
        final = self._path.with_name(f"{self._name}-{resource_id}")
        try:
            os.write(self._descriptor, f"{secret.reveal()}\n".encode())
            os.fsync(self._descriptor)
        except OSError as error:
            raise SecretNotStored(
                f"{resource_id} was created, but its secret cannot be written to {final}: {error}. The secret is lost."
                f" Get another one with: {remedy}"
            ) from None
        try:
            # A link never replaces a file, unlike a change of the name.
            os.link(self._path, final)
        except OSError:
            # There is such a file already, or the file system has no links. The secret stays where it is.
            self.is_kept = True
            return self._path
        return final


def safe(name: str) -> str:
    """Return a part of a file name on every system: letters, digits and hyphens."""
    return _UNSAFE.sub("-", name).strip("-")[:_NAME_LENGTH_MAX].strip("-") or "unnamed"
