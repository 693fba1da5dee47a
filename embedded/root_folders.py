"""Folders at fixed paths that only root can write to, so that the programs and sockets in them can be trusted."""

import os
import stat
from pathlib import Path

from embedded.errors import CannotStart

RUNTIME = Path("/run/keyledger")
"""Sockets and locks, which are gone after a restart of the machine."""

CACHE = Path("/var/cache/keyledger")
"""Copies of programs."""

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def require_own_folder(path: Path, mode: int, purpose: str) -> Path:
    """Return the folder `path` with the permissions `mode`, and create it if it is missing.

    Raise CannotStart if it is a link, belongs to another account, or is writable by others.
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
    """Make the folder, and missing folders above it with mode 0755, regardless of the umask."""
    if path.is_symlink() or path.exists():
        return
    _make(path.parent, 0o755)
    try:
        path.mkdir()
    except FileExistsError:  # another supervisor made it concurrently
        return
    path.chmod(mode)
