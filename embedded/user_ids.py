"""User ids that nothing else on this machine uses, each reserved by one process.

A user id needs no entry in /etc/passwd, so none is made. A lock, which the kernel gives back when the process ends,
keeps two supervisors from choosing the same id in the same moment.
"""

import fcntl
import grp
import os
import pwd
import random
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from embedded.errors import CannotStart
from embedded.root_folders import RUNTIME, require_own_folder

IDS = range(58_000, 59_000)
"""Neither for people, nor for the system, nor for what systemd hands out."""

_KINDS = ("Uid", "Gid", "Groups")

_reserved: dict[int, int] = {}
"""The open lock of each id that this process has reserved."""


def reserve_unused(taken: Collection[int] = ()) -> int:
    """Return an id that nothing uses, and that no other process gets until this one ends. Raises CannotStart."""
    for uid in random.sample(IDS, len(IDS)):
        if uid not in taken and uid not in _reserved and reserve(uid):
            return uid
    raise CannotStart(
        f"every user id from {IDS[0]} to {IDS[-1]} is in use, and nothing is run as root: start it as an ordinary user"
    )


def reserve(uid: int) -> bool:
    """Whether this process has the id, from before or from now on: nobody else may know it, run under it or have it."""
    if uid in _reserved:
        return True
    folder = require_own_folder(require_own_folder(RUNTIME, 0o711, "sockets and locks") / "ids", 0o700, "locks")
    lock = os.open(folder / str(uid), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    if name_of(uid) is not None or _is_group(uid) or uid in ids_of_processes(*_KINDS):
        os.close(lock)
        return False
    _reserved[uid] = lock
    return True


def release(uid: int) -> None:
    """Let another process have the id. Nothing happens where it was not reserved."""
    if (lock := _reserved.pop(uid, None)) is not None:
        os.close(lock)


def name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def ids_of_processes(*kinds: str) -> set[int]:
    """Ids of some kinds (`Uid`, `Gid` or `Groups`), real and effective, of all that runs. Zombies do not count."""
    ids: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            if lines.get("State", "").split()[:1] != ["Z"]:
                ids.update(int(word) for kind in kinds for word in lines.get(kind, "").split())
    return ids


def _is_group(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True
