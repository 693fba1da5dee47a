"""Files of a folder with their content.

Links are not followed: what they lead to is either in the folder, and read there, or outside. `.git` is left out, and
so is everything that is not a regular file, such as a pipe.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import reason_of
from keyledger.cli.scan.keys_in import CHUNK_BYTES
from keyledger.secret import redacted

_GIT: Final = b".git"
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

Problem = Callable[[str, str], None]
"""Receives the path of what cannot be read, and the reason."""


class Content(NamedTuple):
    """A file. `chunks` can be iterated over once. It ends early if the file cannot be read, which is reported."""

    path: str
    chunks: Iterator[bytes]


def contents(paths: Sequence[str], excluded: Sequence[str], problem: Problem) -> Iterator[Content]:
    """Yield the files of these folders, and these files. Raise UsageError if one does not exist."""
    for path in paths:
        root = os.fsencode(path)
        try:
            is_folder = stat.S_ISDIR(Path(path).stat().st_mode)  # a link that the user names is followed
        except (OSError, ValueError) as error:
            raise UsageError(f"{shown(root)} cannot be scanned: {reason_of(error)}") from None
        if is_folder:
            yield from _in_folder(root, excluded, problem)
        else:
            yield Content(shown(root), _read(root, os.O_RDONLY, problem))


def shown(path: bytes) -> str:
    """Return a path as text: bytes that are not UTF-8 and line ends as escapes, and keys cut to their prefixes."""
    text = path.decode("utf-8", "backslashreplace")
    escaped = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return redacted(escaped)


def _in_folder(root: bytes, excluded: Sequence[str], problem: Problem) -> Iterator[Content]:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            problem(shown(folder), reason_of(error))
            continue
        folders: list[bytes] = []
        for entry in entries:
            if entry.name == _GIT or (excluded and _is_excluded(os.path.relpath(entry.path, root), excluded)):
                continue
            path = entry.path.removeprefix(b"./")
            try:  # some file systems list names without the kind, for which a folder must not only be readable
                is_folder, is_file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
            except OSError as error:
                problem(shown(path), reason_of(error))
                continue
            if is_folder:
                folders.append(entry.path)
            elif is_file:
                yield Content(shown(path), _read(entry.path, _FLAGS, problem))
        waiting += reversed(folders)


def _is_excluded(path: bytes, patterns: Sequence[str]) -> bool:
    """Return whether a pattern matches the path in the folder, or the name."""
    text = os.fsdecode(path)
    name = text.rpartition(os.sep)[2]
    return any(fnmatchcase(text, pattern) or fnmatchcase(name, pattern) for pattern in patterns)


def _read(path: bytes, flags: int, problem: Problem) -> Iterator[bytes]:
    try:
        # The file may have become a link or a pipe since it was listed. Neither is followed or waited for.
        descriptor = os.open(path, flags)
    except OSError as error:
        problem(shown(path), reason_of(error))
        return
    with open(descriptor, "rb", buffering=0) as opened:  # noqa: PTH123 -- a descriptor
        try:
            if flags == _FLAGS and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                problem(shown(path), "it is no longer a regular file")
                return
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk
        except OSError as error:
            problem(shown(path), reason_of(error))
