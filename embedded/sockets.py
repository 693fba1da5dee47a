"""Folders for Unix sockets: the path of a socket must fit into 107 bytes, and only its owner may reach it."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from embedded.account import Account
from embedded.errors import CannotStart

_PRIVATE = 0o700
_PATH_BYTES_MAX = 107  # sizeof(sockaddr_un.sun_path) is 108 with its closing zero on Linux


def socket_folder(wanted: Path, socket_name: str, account: Account) -> Path:
    """Return `wanted` if the path of the socket fits, otherwise a short private folder at a fixed path.

    The private folder has mode 0700 and belongs to `account`. Raise CannotStart if another account occupies its path.
    """
    if len(os.fsencode(wanted / socket_name)) <= _PATH_BYTES_MAX:
        wanted.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"keyledger-{digest}"
    try:
        short.mkdir(mode=_PRIVATE)
        if account.uid != os.geteuid():
            os.chown(short, account.uid, account.gid)
    except FileExistsError:
        status = short.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or stat.S_IMODE(status.st_mode) != _PRIVATE:
            message = f"{short} is needed for sockets but is not a private folder of {account}: remove it"
            raise CannotStart(message) from None
    return short


def remove_sockets(folder: Path, *names: str, wanted: Path) -> None:
    """Remove the files of an ended server in `folder`, and the folder itself unless it is the wanted one."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if folder != wanted:
        with suppress(OSError):
            folder.rmdir()
