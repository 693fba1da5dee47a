"""Where Unix sockets lie: their path has to fit into 107 bytes, and only the owner may reach them."""

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
    """`wanted` itself if a socket of that name fits in there, else a short private folder, always the same one.

    It exists afterwards, has mode 0700 and belongs to `account`. Raises CannotStart if someone else took its name.
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
    """Remove what a server that has ended left in `folder`, and the folder too unless it is the one that was wanted."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if folder != wanted:
        with suppress(OSError):
            folder.rmdir()
