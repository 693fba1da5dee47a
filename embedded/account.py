"""Under which account PostgreSQL runs: it refuses to be root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.errors import CannotStart

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int
    name: str

    @classmethod
    def own(cls) -> Self:
        """The account of this process. Raises CannotStart if it has no name: initdb would refuse it."""
        return cls._of(os.geteuid())

    @classmethod
    def for_data_in(cls, folder: Path) -> Self:
        """Who may own the data in `folder`: this account, but for root the owner of existing data, else `nobody`."""
        if os.geteuid() != 0:
            return cls.own()
        owner = folder.stat().st_uid if folder.exists() else 0
        if owner != 0:
            return cls._of(owner)
        try:
            entry = pwd.getpwnam(_UNPRIVILEGED)
        except KeyError:
            message = f"PostgreSQL can not run as root and there is no account '{_UNPRIVILEGED}': be an ordinary user"
            raise CannotStart(message) from None
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def _of(cls, uid: int) -> Self:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            message = f"user id {uid} has no entry in /etc/passwd, which PostgreSQL needs: add one or set DATABASE_URL"
            raise CannotStart(message) from None
        return cls(uid, entry.pw_gid, entry.pw_name)

    def can_enter(self, folder: Path) -> bool:
        """Whether the permission bits let this account into `folder` and every folder above it (ACLs are not asked)."""
        return all(self._may_search(each.stat()) for each in (folder, *folder.parents))

    def _may_search(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)
