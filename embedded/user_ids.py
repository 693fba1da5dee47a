"""User ids that nothing else on this machine uses, each reserved by one process.

A user id needs no entry in /etc/passwd, so none is created. A lock, which the kernel releases when the process ends,
prevents two supervisors from choosing the same id.
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
"""Ids that are used neither for people, nor for the system, nor by systemd's dynamic users."""

_KINDS = ("Uid", "Gid", "Groups")

_reserved: dict[int, int] = {}
"""The open lock of each id that this process has reserved."""


def reserve_unused(taken: Collection[int] = ()) -> int:
    """Return an unused id, reserved until this process ends. Raise CannotStart."""
    for uid in random.sample(IDS, len(IDS)):
        if uid not in taken and uid not in _reserved and reserve(uid):
            return uid
    raise CannotStart(
        f"every user id from {IDS[0]} to {IDS[-1]} is in use, and nothing is run as root: start it as an ordinary user"
    )


def reserve(uid: int) -> bool:
    """Reserve the id if it has no name, no process runs under it and no other process has reserved it.

    Return whether this process has reserved it, now or earlier.
    """
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
    """Release the id for other processes. Do nothing if it was not reserved."""
    if (lock := _reserved.pop(uid, None)) is not None:
        os.close(lock)


def name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def ids_of_processes(*kinds: str) -> set[int]:
    """Return the real and effective ids of `kinds` (`Uid`, `Gid` or `Groups`) of all processes except zombies."""
    ids: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # the process has ended
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
