"""Folder for sockets and temporary files that the services of a run as root can enter, wherever the data is."""

import hashlib
import os
import shutil
from pathlib import Path

from embedded.account import Account
from embedded.errors import CannotStart
from embedded.root_folders import RUNTIME, require_own_folder

_PASSAGE = 0o711
_PRIVATE = 0o700
_SHARED = 0o2710
"""New files get the group of the folder (setgid), and members of the group may reach them by name."""


class RuntimeFolder:
    """A folder of root, at a path derived from the data folder. Each folder in it belongs to the account using it."""

    def __init__(self, data: Path) -> None:
        self._path = RUNTIME / hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]

    def make(self) -> None:
        """Make the folder, empty. Raise CannotStart if that fails, or if others could change its content."""
        parent = require_own_folder(RUNTIME, _PASSAGE, "sockets and locks")
        try:
            self.remove()
            self._path.mkdir()
            self._path.chmod(_PASSAGE)
        except OSError as error:
            raise CannotStart(
                f"a folder for sockets cannot be made in {parent} ({error.strerror}): start it as an ordinary user"
            ) from error

    def remove(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)

    def private(self, name: str, account: Account) -> Path:
        """Make a folder that only one account can enter."""
        path = self._path / name
        path.mkdir(mode=_PRIVATE)
        os.chown(path, account.uid, account.gid)
        return path

    def sockets(self, name: str) -> Path:
        """Return the path of the folder for the sockets of one server. The server creates it with `make_shared`."""
        return self._path / name


def make_shared(folder: Path, owner: Account, group: int) -> None:
    """Make a folder in which `owner` puts sockets that the members of `group` may connect to. Safe to repeat."""
    folder.mkdir(exist_ok=True)
    os.chown(folder, owner.uid, group)
    folder.chmod(_SHARED)
