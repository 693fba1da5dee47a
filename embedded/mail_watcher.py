"""The mails of `make run`, which has no mail server: the worker writes them to a file, and the links are said here."""

import os
from pathlib import Path

from embedded.console import print_line
from embedded.foreign_files import read_foreign

_BYTES_MAX = 2**20


class Mails:
    """`file` is readable by its owner alone."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen = self.file.stat().st_size if self.file.exists() else 0

    def say_new(self) -> None:
        """Say to whom mails were written since the last time, and the links in them."""
        try:
            written = self._read()
        except OSError:
            return
        # A line that is not whole yet waits for its end, unless it is none of a mail.
        whole = written if len(written) == _BYTES_MAX else written[: written.rfind(b"\n") + 1]
        self._seen += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith("To: "):
                print_line(f"Mail to {line.removeprefix('To: ')}")
            elif line.startswith(("http://", "https://")):
                print_line(f"    {line}")

    def _read(self) -> bytes:
        if os.geteuid() == 0:
            return read_foreign(self.file, _BYTES_MAX, start=self._seen)
        with self.file.open("rb") as stream:
            stream.seek(self._seen)
            return stream.read(_BYTES_MAX)
