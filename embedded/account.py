"""The accounts that servers and services run under: none of them is root, and none is shared with other programs.

Root gives PostgreSQL, Valkey and the services one user id each, which nothing else on this machine uses. The supervisor
alone stays root, since it starts all three again. Only `initdb` insists on an entry in /etc/passwd, so `initdb` runs
once under a system account that runs nothing, and its work is handed over.
"""

import os
import pwd
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.errors import CannotStart
from embedded.user_ids import IDS, ids_of_processes, name_of, release, reserve, reserve_unused

_SHARED = "nobody"
"""Any program may run as this one, so it owns no data."""

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
        """Return who may own the data in `folder`: this account; for root the owner of existing data, or an unused id.

        Data gets another owner where it belongs to `nobody`, as earlier versions left it, or to an unused id that has
        come into use since, or that another supervisor has, as with a copy of a data folder. End what an earlier run
        left behind first, since that counts as use. The owners of what lies next to the folder count as used.
        """
        if os.geteuid() != 0:
            return cls.own()
        if folder.exists() and (owner := cls._of_existing_data(folder.stat().st_uid)):
            return owner
        neighbours = folder.parent.iterdir() if folder.parent.exists() else ()
        return cls.unused({path.lstat().st_uid for path in neighbours})

    @classmethod
    def _of_existing_data(cls, uid: int) -> Self | None:
        if uid in IDS:
            return cls(uid, uid) if reserve(uid) else None
        if uid == 0 or name_of(uid) == _SHARED:
            return None
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(uid, uid)
        return cls(uid, entry.pw_gid or uid, entry.pw_name)

    @classmethod
    def unused(cls, taken: Collection[int] = ()) -> Self:
        """Return a user id, and a group of the same number, that nothing on this machine uses. Raises CannotStart."""
        uid = reserve_unused(taken)
        return cls(uid, uid)

    def release(self) -> None:
        """Let another process use an unused id again."""
        release(self.uid)

    @classmethod
    def idle(cls) -> Self:
        """An account with a name, for `initdb`: this one, but for root a system account that runs nothing."""
        if os.geteuid() != 0:
            return cls.own()
        busy = ids_of_processes("Uid")
        for entry in sorted(pwd.getpwall(), key=lambda each: each.pw_uid, reverse=True):
            if 0 < entry.pw_uid <= _SYSTEM_IDS_MAX and entry.pw_name != _SHARED and entry.pw_uid not in busy:
                return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)
        raise CannotStart(
            "PostgreSQL cannot be set up by root where every system account is in use: be an ordinary user"
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether the permission bits let this account into `folder` and every folder above it (ACLs are not asked)."""
        return all(self._may_search(each.stat()) for each in (folder, *folder.parents))

    def can_read_all(self, folder: Path) -> bool:
        """Whether the permission bits let this account into `folder` and read every file below it."""
        below = [folder, *folder.rglob("*")]
        return self.can_enter(folder) and all(self._may_read(path.stat()) for path in below if path.exists())

    def _may_search(self, status: os.stat_result) -> bool:
        return self._has(status, stat.S_IXUSR)

    def _may_read(self, status: os.stat_result) -> bool:
        return self._has(status, stat.S_IRUSR) and (not stat.S_ISDIR(status.st_mode) or self._may_search(status))

    def _has(self, status: os.stat_result, right: int) -> bool:
        """Whether the account has a right, given as the bit of the owner."""
        if status.st_uid == self.uid:
            return bool(status.st_mode & right)
        return bool(status.st_mode & (right >> 3 if status.st_gid == self.gid else right >> 6))
