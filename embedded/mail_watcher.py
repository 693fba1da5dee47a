"""Mails of `make run`, which has no mail server: the worker writes them to a file, and this module prints the links."""

import os
from pathlib import Path

from embedded.console import print_line
from embedded.foreign_files import read_foreign

_BYTES_MAX = 2**20


class Mails:
    """The mails in `file`, which only its owner can read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen = self.file.stat().st_size if self.file.exists() else 0

    def say_new(self) -> None:
        """Print the recipients, subjects and links of the mails that were written since the last call."""
        try:
            written = self._read()
        except OSError:
            return
        # An incomplete line is read again later, unless it is longer than any line of a mail.
        whole = written if len(written) == _BYTES_MAX else written[: written.rfind(b"\n") + 1]
        self._seen += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith("To: "):
                print_line(f"Mail to {line.removeprefix('To: ')}")
            elif line.startswith("Subject: "):
                print_line(f"    {line.removeprefix('Subject: ')}")
            elif "://" in line:
                print_line(f"    {line}")

    def _read(self) -> bytes:
        if os.geteuid() == 0:
            return read_foreign(self.file, _BYTES_MAX, start=self._seen)
        with self.file.open("rb") as stream:
            stream.seek(self._seen)
            return stream.read(_BYTES_MAX)
