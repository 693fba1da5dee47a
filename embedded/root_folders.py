"""Folders that root alone can write to, at fixed paths: programs and sockets are trusted because they lie in them."""

import os
import stat
from pathlib import Path

from embedded.errors import CannotStart

RUNTIME = Path("/run/keyledger")
"""Sockets and locks, gone after a restart of the machine."""

CACHE = Path("/var/cache/keyledger")
"""Copies of programs."""

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def require_own_folder(path: Path, mode: int, purpose: str) -> Path:
    """Return `path`, made if it was missing, with the permissions `mode`.

    Raises CannotStart where it is a link, or belongs to another account, or was open to changes by others.
    """
    try:
        _make(path, mode)
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & _WRITABLE_BY_OTHERS:
            raise CannotStart(f"{path} is needed for {purpose}, but others may write to it: remove it")
        if stat.S_IMODE(status.st_mode) != mode:
            path.chmod(mode)
    except OSError as error:
        raise CannotStart(
            f"{path} is needed for {purpose} and cannot be made ({error.strerror}): start it as an ordinary user"
        ) from error
    return path


def _make(path: Path, mode: int) -> None:
    """Make the folder, and those above it open to all, whatever the umask is."""
    if path.is_symlink() or path.exists():
        return
    _make(path.parent, 0o755)
    try:
        path.mkdir()
    except FileExistsError:  # another supervisor made it in the same moment
        return
    path.chmod(mode)
