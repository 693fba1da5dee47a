"""The folder of `--out-dir`: one file for each new secret, which only its owner can read."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyledger.cli.exit_codes import SecretNotStored, UsageError
from keyledger.cli.files import NewFile, new_file, reason_of
from keyledger.secret import Secret

_OWNER_ONLY = 0o700
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
            raise UsageError(f"The folder {path} cannot be created: {reason_of(error)}.") from None

    def unfinished(self) -> list[Path]:
        """Return the files of secrets that an interrupted command may not have received."""
        return sorted(self._path.glob(f"*{_UNFINISHED}"))

    @contextmanager
    def new_file(self, name: str) -> Generator["SecretFile"]:
        """Create a file for a secret before the secret exists. Its name is final when the id is known."""
        path = self._path / f"{safe(name)}{_UNFINISHED}"
        exists = (
            f"{path} exists: an earlier command was interrupted before it received the secret of “{name}”. If “{name}”"
            " exists, rotate its secret. Then delete the file."
        )
        with new_file(path, exists=exists) as file:
            secret_file = SecretFile(file, safe(name))
            yield secret_file
        if secret_file.has_final_name:
            with suppress(OSError):
                path.unlink()


class SecretFile:
    """An empty file that waits for a secret. `has_final_name`: it contains one, and has a second name."""

    def __init__(self, file: NewFile, name: str) -> None:
        self._file = file
        self._name = name
        self.has_final_name = False

    def store(self, secret: Secret, resource_id: str, remedy: str) -> Path:
        """Write the secret, and return the final path. Raise SecretNotStored if that fails: the secret is lost."""
        path = self._file.path
        final = path.with_name(f"{self._name}-{resource_id}")
        try:
            self._file.rewrite(f"{secret.reveal()}\n".encode())
        except OSError as error:
            raise SecretNotStored(
                f"{resource_id} was created, but its secret cannot be written to {final}: {error}. The secret is lost."
                f" Get another one with: {remedy}"
            ) from None
        try:
            # A link never replaces a file, unlike a change of the name.
            os.link(path, final)
        except OSError:
            # There is such a file already, or the file system has no links. The secret stays where it is.
            return path
        self.has_final_name = True
        return final


def safe(name: str) -> str:
    """Return a part of a file name on every system: letters, digits and hyphens."""
    return _UNSAFE.sub("-", name).strip("-")[:_NAME_LENGTH_MAX].strip("-") or "unnamed"
