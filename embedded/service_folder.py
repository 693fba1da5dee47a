"""The folder inside the data folder to which the services write when root runs them under another account.

The account owns the folder and everything in it, so root treats its files as untrusted (`embedded.foreign_files`).
"""

import re
import stat
from contextlib import suppress
from pathlib import Path

from app.admin.demo_plan import CREDENTIALS, UNFINISHED
from embedded.account import Account
from embedded.data_dir import MAIL, DataDirectory, write_private
from embedded.errors import CannotStart
from embedded.foreign_files import hand_over, read_foreign

_CREDENTIALS_BYTES_MAX = 4096
_CREDENTIAL = re.compile(r"[A-Z_]+=[\w:/.%+@~\[\]-]+", re.ASCII)
"""A root shell reads these lines, so they must not contain anything that a shell would execute."""


class ServiceFolder:
    """The folder of the services. `path` is the working folder of those that write files."""

    def __init__(self, home: DataDirectory) -> None:
        self._home = home
        self.path = home.folder / "service"

    @property
    def mail(self) -> Path:
        return self.path / MAIL

    def prepare(self) -> Account:
        """Make the folder, move the files of earlier services of root there, and return the account that owns it.

        Raise CannotStart if the path is not a folder, or if root may not change the owner of files.
        """
        account = Account.for_data_in(self.path)
        self.path.mkdir(mode=0o700, exist_ok=True)
        if not stat.S_ISDIR(self.path.lstat().st_mode):
            raise CannotStart(f"{self.path} is needed for what services write and is no folder: move it away")
        for name in (MAIL, UNFINISHED):
            earlier = self._home.folder / name
            if earlier.is_file() and not earlier.is_symlink() and not (self.path / name).exists():
                earlier.replace(self.path / name)
        try:
            hand_over(self.path, account)
        except OSError as error:
            raise CannotStart(
                f"root cannot give {self.path} to {account} ({error.strerror}): start it as an ordinary user"
            ) from error
        link = self._home.mail
        if not link.is_symlink():
            link.symlink_to(Path(self.path.name) / MAIL)
        return account

    def take_credentials(self) -> None:
        """Move the credentials that the demo wrote here to the data folder, for the user who ran the command.

        Existing credentials are kept. Raise CannotStart if the file contains anything else.
        """
        written = self.path / CREDENTIALS
        with suppress(FileNotFoundError):
            if not self._home.credentials.exists():
                text = read_foreign(written, _CREDENTIALS_BYTES_MAX).decode(errors="replace")
                if not all(map(_CREDENTIAL.fullmatch, text.splitlines())):
                    raise CannotStart(f"{written} holds more than names and values: delete it and start again")
                write_private(self._home.credentials, text)
            written.unlink()
