"""Files that commands read and create. No command replaces a file."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.standard_input import standard_input

_STDIN: Final = "-"
_OWNER_ONLY: Final = 0o600
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class Input(NamedTuple):
    """The content of a file or of standard input. `place` begins a sentence about it, such as "The file a.csv"."""

    place: str
    content: bytes


def read_input(name: str, what: str, size_max: int) -> Input:
    """Read the file `name`, or standard input if it is `-`. `what`: the kind of the file, such as "The file".

    Raise UsageError if it cannot be read or is larger than `size_max` bytes.
    """
    if name == _STDIN:
        return Input("Standard input", standard_input(size_max))
    return read_file(Path(name), what, size_max)


def read_file(path: Path, what: str, size_max: int) -> Input:
    """Read a file, as `read_input` does."""
    place = f"{what} {path}"
    try:
        with path.open("rb") as file:
            content = file.read(size_max + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{place} cannot be read: {reason_of(error)}.") from None
    if len(content) > size_max:
        raise UsageError(f"{place} is too large.")
    return Input(place, content)


def reason_of(error: Exception) -> str:
    """Return why a path cannot be used, without the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class NewFile:
    """A file that did not exist before, and that only its owner can read."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        """Append the content. Raise OSError if not all of it can be written."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def rewrite(self, content: bytes) -> None:
        """Replace the content, and wait until it is on the disk. If that fails, raise OSError with an empty file."""
        try:
            self._empty()
            self.write(content)
            os.fsync(self._descriptor)
        except OSError:
            self._empty()
            raise

    def _empty(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)


@contextmanager
def new_file(path: Path, *, shown: str | None = None, exists: str | None = None) -> Generator[NewFile]:
    """Create a file before there is something to write, so that an error is found while nothing is lost.

    Raise UsageError if that fails. `shown`: the path in messages. `exists`: the message if there is such a file. A file
    that is empty at the end is removed.
    """
    try:
        descriptor = os.open(path, _NEW, _OWNER_ONLY)
    except FileExistsError:
        raise UsageError(exists or f"{shown or path} exists already. Choose another file.") from None
    except OSError as error:
        raise UsageError(f"The file {shown or path} cannot be written: {reason_of(error)}.") from None
    try:
        yield NewFile(path, descriptor)
    finally:
        is_empty = os.fstat(descriptor).st_size == 0
        os.close(descriptor)
        if is_empty:
            with suppress(OSError):
                path.unlink()
