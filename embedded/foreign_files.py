"""Files in folders that another account can write to, handled by root.

That account can replace a small file that root expects with a link, a pipe or a huge file at any moment. Root therefore
follows no link, never blocks, reads no more than it expects, and writes only to files that it has just created.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from embedded.account import Account
from embedded.errors import CannotStart


def read_foreign(path: Path, bytes_max: int, *, start: int = 0) -> bytes:
    """Return at most `bytes_max` bytes of a file, starting at byte `start`.

    Raise OSError if it is missing or not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(start)
        return stream.read(bytes_max)


def write_foreign(path: Path, text: str, owner: Account) -> None:
    """Replace a file with one that contains `text`, belongs to `owner` and is readable only by `owner`."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        if owner.uid != os.geteuid():
            os.fchown(descriptor, owner.uid, owner.gid)
    fresh.replace(path)


def hand_over(folder: Path, account: Account) -> None:
    """Make `account` the owner of `folder` and everything in it, but not of the targets of links in it.

    The folder itself comes first: from then on its earlier owner cannot enter it. That owner may still have folders
    open, so every step starts from an open folder and not from a path. Raise CannotStart if a file has a second name,
    which may be outside the folder.
    """
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _belongs(os.fstat(top), account):
            os.fchown(top, account.uid, account.gid)
        for path, folders, files, inside in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            for name in (*folders, *files):
                with suppress(FileNotFoundError):
                    _hand_over_entry(name, inside, account, folder / path)
    finally:
        os.close(top)


def _hand_over_entry(name: str, inside: int, account: Account, folder: Path) -> None:
    status = os.stat(name, dir_fd=inside, follow_symlinks=False)
    if _belongs(status, account):
        return
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        raise CannotStart(
            f"{folder / name} has a second name (a hard link), so it is not handed over to {account}: "
            "put a copy of the file in its place"
        )
    os.chown(name, account.uid, account.gid, dir_fd=inside, follow_symlinks=False)


def _belongs(status: os.stat_result, account: Account) -> bool:
    return (status.st_uid, status.st_gid) == (account.uid, account.gid)
