"""The accounts that servers and services run under: none of them is root, and none is shared with other programs.

Root gives PostgreSQL a user id that is used by nothing else on this machine. It needs no entry in /etc/passwd: only
`initdb` insists on one, so it runs once under a system account that runs nothing, and its work is handed over.
"""

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.errors import CannotStart

_SHARED = "nobody"
"""Any program may run as this one, so it owns no data."""

_UNUSED_IDS = range(58_000, 59_000)
"""Neither for people, nor for the system, nor for what systemd hands out."""

_SYSTEM_IDS_MAX = 999


@dataclass(frozen=True, slots=True)
class Account:
    """`name` is None where /etc/passwd does not know the user id."""

    uid: int
    gid: int
    name: str | None = None

    def __str__(self) -> str:
        return self.name or f"user id {self.uid}"

    @classmethod
    def own(cls) -> Self:
        """The account of this process. Raises CannotStart if it has no name: initdb would refuse it."""
        uid = os.geteuid()
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            message = f"user id {uid} has no entry in /etc/passwd, which PostgreSQL needs: add one or set DATABASE_URL"
            raise CannotStart(message) from None
        return cls(uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def for_data_in(cls, folder: Path) -> Self:
        """Who may own the data in `folder`: this account, but for root the owner of existing data, else an unused id.

        Data of `nobody`, which earlier versions left behind, gets another owner.
        """
        if os.geteuid() != 0:
            return cls.own()
        if folder.exists():
            status = folder.stat()
            name = _name_of(status.st_uid)
            if status.st_uid != 0 and name != _SHARED:
                return cls(status.st_uid, status.st_gid, name)
        return cls.unused()

    @classmethod
    def unused(cls) -> Self:
        """A user id, and a group of the same number, that nothing on this machine is known to use."""
        taken = _ids_of_processes()
        for uid in _UNUSED_IDS:
            if uid not in taken and _name_of(uid) is None and not _is_group(uid):
                return cls(uid, uid)
        raise CannotStart(f"no user id from {_UNUSED_IDS[0]} on is unused: start it as an ordinary user")

    @classmethod
    def idle(cls) -> Self:
        """An account with a name, for `initdb`: this one, but for root a system account that runs nothing."""
        if os.geteuid() != 0:
            return cls.own()
        busy = _ids_of_processes()
        for entry in sorted(pwd.getpwall(), key=lambda each: each.pw_uid, reverse=True):
            if 0 < entry.pw_uid <= _SYSTEM_IDS_MAX and entry.pw_name != _SHARED and entry.pw_uid not in busy:
                return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)
        raise CannotStart(
            "PostgreSQL cannot be set up by root where every system account is in use: be an ordinary user"
        )

    def give(self, folder: Path) -> None:
        """Make this account the owner of `folder` and of all that is in it. Links are not followed.

        The folder itself first: from then on its earlier owner does not get in.
        """
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            if (status.st_uid, status.st_gid) != (self.uid, self.gid):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, folder: Path) -> bool:
        """Whether the permission bits let this account into `folder` and every folder above it (ACLs are not asked)."""
        return all(self._may_search(each.stat()) for each in (folder, *folder.parents))

    def _may_search(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _is_group(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True


def _ids_of_processes() -> set[int]:
    """Real and effective user ids of everything that runs."""
    ids: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            line = next(line for line in path.read_text().splitlines() if line.startswith("Uid:"))
        except (OSError, StopIteration):  # it has ended
            continue
        ids.update(int(word) for word in line.split()[1:])
    return ids
