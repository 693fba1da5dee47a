"""The mails of `make run`, which has no mail server: the worker writes them to a file, and the links are said here."""

from pathlib import Path

from embedded.console import say


class Mails:
    """`file` is `mail.txt` in the data folder, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "mail.txt"
        self._seen = self.file.stat().st_size if self.file.exists() else 0

    def say_new(self) -> None:
        """Say to whom mails were written since the last time, and the links in them."""
        if not self.file.exists() or self.file.stat().st_size == self._seen:
            return
        with self.file.open("rb") as stream:
            stream.seek(self._seen)
            written, end, _ = stream.read().rpartition(b"\n")
        self._seen += len(written) + len(end)
        for line in written.decode(errors="replace").splitlines():
            if line.startswith("To: "):
                say(f"Mail to {line.removeprefix('To: ')}")
            elif line.startswith(("http://", "https://")):
                say(f"    {line}")
