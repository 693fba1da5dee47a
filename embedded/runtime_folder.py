"""The folder of a run as root that its services can enter, wherever the data lies: sockets and temporary files."""

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
"""Files in it get its group (setgid), and the members of that group may reach them by name."""


class RuntimeFolder:
    """Belongs to root, and is always the same for a data folder. Each folder in it has its owner, who can reach it."""

    def __init__(self, data: Path) -> None:
        self._path = RUNTIME / hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]

    def make(self) -> None:
        """Make it empty. Raises CannotStart if that is not possible, or others may change what lies there."""
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
        """Make a folder for one account alone."""
        path = self._path / name
        path.mkdir(mode=_PRIVATE)
        os.chown(path, account.uid, account.gid)
        return path

    def sockets(self, name: str) -> Path:
        """Return the path of the folder for the sockets of one server, which makes it with `make_shared`."""
        return self._path / name


def make_shared(folder: Path, owner: Account, group: int) -> None:
    """Make a folder in which `owner` puts sockets that the members of `group` may connect to. Safe to repeat."""
    folder.mkdir(exist_ok=True)
    os.chown(folder, owner.uid, group)
    folder.chmod(_SHARED)
