"""Secrets to which the file refers: in environment variables, or in other files."""

import os
from pathlib import Path

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import read_file
from keyledger.secret import Secret

_SIZE_MAX = 1_000_000


class Credentials:
    """`are_sent`: credentials are sent to existing objects too, although they cannot be compared."""

    def __init__(self, folder: Path, *, are_sent: bool) -> None:
        self._folder = folder
        self.are_sent = are_sent

    def read(self, address: str, variable: str | None, file: str | None, problems: list[str]) -> Secret:
        """Return the secret of the table at `address`. A flaw is added to `problems`."""
        try:
            return self._read(variable, file)
        except UsageError as error:
            problems.append(f"{address}: {error}")
            return Secret("")

    def _read(self, variable: str | None, file: str | None) -> Secret:
        if variable is not None and file is not None:
            raise UsageError("use a variable or a file for the secret, not both.")
        if file is not None:
            return _not_empty(self._content(self._folder / Path(file)), f"the file {file}")
        found = os.environ.get(variable or "")
        if found is None:
            raise UsageError(f"the variable {variable} is not set.")
        return _not_empty(found, f"the variable {variable}")

    @staticmethod
    def _content(file: Path) -> str:
        place, content = read_file(file, "the file", _SIZE_MAX)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError(f"{place} is not UTF-8. Save it as UTF-8.") from None


def _not_empty(text: str, place: str) -> Secret:
    if not text.strip():
        raise UsageError(f"{place} is empty.")
    return Secret(text.strip())
