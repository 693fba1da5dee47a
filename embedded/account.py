"""Accounts that servers and services run under: none of them is root, and none is shared with other programs.

Root assigns PostgreSQL, Valkey and the services one user id each, which nothing else on this machine uses. Only the
supervisor remains root, because it restarts all three. `initdb` requires an entry in /etc/passwd, so it runs once under
a system account that runs nothing else, and its files then get their owner.
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
"""Any program may run under this account, so it must not own data."""

_SYSTEM_IDS_MAX = 999


@dataclass(frozen=True, slots=True)
class Account:
    """A user id with its group. `name` is None if /etc/passwd has no entry for the user id."""

    uid: int
    gid: int
    name: str | None = None

    def __str__(self) -> str:
        return self.name or f"user id {self.uid}"

    @classmethod
    def own(cls) -> Self:
        """Return the account of this process. Raise CannotStart if it has no name: initdb would refuse it."""
        uid = os.geteuid()
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            message = f"user id {uid} has no entry in /etc/passwd, which PostgreSQL needs: add one or set DATABASE_URL"
            raise CannotStart(message) from None
        return cls(uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def for_data_in(cls, folder: Path) -> Self:
        """Return the owner for the data in `folder`: this account; for root the existing owner, or an unused id.

        Data gets a new owner if it belongs to `nobody`, as in earlier versions, or to an id that another program uses
        by now, or that another supervisor has reserved, such as in a copy of a data folder. End the processes of an
        earlier run first, because they count as use. The owners of files next to the folder count as used.
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
        """Return a user id, and a group of the same number, that nothing on this machine uses. Raise CannotStart."""
        uid = reserve_unused(taken)
        return cls(uid, uid)

    def release(self) -> None:
        """Let another process use an unused id again."""
        release(self.uid)

    @classmethod
    def idle(cls) -> Self:
        """Return an account with a name, for `initdb`: this one, or for root a system account that runs nothing."""
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
        """Return whether the permission bits let this account enter `folder` and all folders above. Ignores ACLs."""
        return all(self._may_search(each.stat()) for each in (folder, *folder.parents))

    def can_read_all(self, folder: Path) -> bool:
        """Return whether the permission bits let this account enter `folder` and read every file below it."""
        below = [folder, *folder.rglob("*")]
        return self.can_enter(folder) and all(self._may_read(path.stat()) for path in below if path.exists())

    def _may_search(self, status: os.stat_result) -> bool:
        return self._has(status, stat.S_IXUSR)

    def _may_read(self, status: os.stat_result) -> bool:
        return self._has(status, stat.S_IRUSR) and (not stat.S_ISDIR(status.st_mode) or self._may_search(status))

    def _has(self, status: os.stat_result, right: int) -> bool:
        """Return whether the account has `right`, given as the owner's permission bit."""
        if status.st_uid == self.uid:
            return bool(status.st_mode & right)
        return bool(status.st_mode & (right >> 3 if status.st_gid == self.gid else right >> 6))
