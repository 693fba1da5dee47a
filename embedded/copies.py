"""Copies of programs for an account that cannot reach the originals, such as a checkout below /root.

A copy belongs to root, so the account can run it but not change it. Each content is copied once.
"""

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from embedded.errors import CannotStart
from embedded.root_folders import CACHE, require_own_folder
from embedded.signals import raise_if_requested

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_READABLE_BY_ALL = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_EXECUTABLE_BY_ALL = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def cached_copy(name: str, files: Iterable[tuple[Path, Path]], *, may_link: bool = True) -> Path:
    """Return the folder `name` of the cache. If it is missing, fill it from pairs of a source and a relative target.

    With `may_link`, the files may be links to the originals, for originals that are replaced and never edited.
    Raise CannotStart if the copy cannot be made, and StopRequested.
    """
    copy = require_own_folder(CACHE, 0o755, "copies of programs") / name
    if copy.is_dir():
        return copy
    # Made under another name and renamed: two supervisors that do so concurrently both find a complete copy.
    fresh = CACHE / f".{name}.{os.getpid()}"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        _fill(fresh, files, may_link=may_link)
        try:
            fresh.rename(copy)
        except OSError:
            if not copy.is_dir():
                raise
    except OSError as error:
        raise CannotStart(f"{name} cannot be copied to {CACHE}: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return copy


def _fill(fresh: Path, files: Iterable[tuple[Path, Path]], *, may_link: bool) -> None:
    _make_folder(fresh)
    made = {Path()}
    for source, target in files:
        raise_if_requested()
        for folder in reversed(target.parents):
            if folder not in made:
                made.add(folder)
                _make_folder(fresh / folder)
        if not may_link or not _link(source, fresh / target):
            _copy(source, fresh / target)


def _make_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)  # regardless of the umask


def _link(source: Path, target: Path) -> bool:
    """Make a hard link, which is faster than a copy, and return whether that was possible.

    Only a file that root owns and that all accounts can read is linked.
    """
    status = source.stat()
    is_safe = status.st_uid == 0 and not status.st_mode & _WRITABLE_BY_OTHERS
    if not is_safe or status.st_mode & _READABLE_BY_ALL != _READABLE_BY_ALL:
        return False
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    shutil.copy2(source, target)
    is_program = source.stat().st_mode & stat.S_IXUSR
    target.chmod(_READABLE_BY_ALL | stat.S_IWUSR | (_EXECUTABLE_BY_ALL if is_program else 0))
    os.chown(target, os.geteuid(), os.getegid())
