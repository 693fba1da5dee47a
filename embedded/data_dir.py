"""The data folder, which one supervisor at a time locks: it contains everything that must survive a restart."""

import base64
import fcntl
import os
import secrets
import shlex
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

from app.admin.demo_plan import CREDENTIALS
from embedded.errors import CannotStart
from embedded.postgres import Passwords
from infrastructure.database.logins import OWNER_URL, RUNTIME_URL

MAIL = "mail.txt"

_LOG_BYTES_MAX = 32 * 2**20
_OPERATOR_SETTINGS = (RUNTIME_URL, OWNER_URL, "REDIS_URL", "KEYLEDGER_MASTER_KEY", "KEYLEDGER_PUBLIC_URL")


class DataDirectory:
    """The data folder, locked until it is closed or this process ends. Raises CannotStart if it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self._close_to_others()
            (folder / "logs").mkdir(mode=0o700 if os.geteuid() == 0 else 0o777, exist_ok=True)
            self._lock = _acquire_lock(folder)
        except OSError as error:
            raise _unusable(folder, error.strerror or type(error).__name__) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    @contextmanager
    def usable(self) -> Generator[None]:
        """Raise CannotStart if this account cannot read or write a file in the folder during the block.

        A run as root leaves such files in another user's folder.
        """
        try:
            yield
        except OSError as error:
            if error.filename is None or not Path(os.fsdecode(error.filename)).is_relative_to(self.folder):
                raise
            raise _unusable(self.folder, f"{error.filename}: {error.strerror}") from error

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def credentials(self) -> Path:
        """Return the path of `demo.env`, mode 0600, which exists after the first run created the organization."""
        return self.folder / CREDENTIALS

    def _close_to_others(self) -> None:
        """Close the folder to other accounts: root runs several. Raise CannotStart for a folder such as /tmp."""
        if self.folder.stat().st_mode & stat.S_IWOTH:
            raise _unusable(self.folder, "every account may write to it")
        for path in (self.folder, self.logs, self.folder / "lock"):
            if path.exists():
                path.chmod(path.stat().st_mode & stat.S_IRWXU)

    @property
    def mail(self) -> Path:
        """Return the path of `mail.txt`, mode 0600; under root a link to the file that the workers write."""
        return self.folder / MAIL

    def database_passwords(self) -> Passwords:
        """Return the database passwords, created once: a user id without a name cannot log in without one."""
        path = self.folder / "database.env"
        if path.exists():
            kept = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
            if kept.get("OWNER_PASSWORD") and kept.get("RUNTIME_PASSWORD"):
                return Passwords(kept["OWNER_PASSWORD"], kept["RUNTIME_PASSWORD"])
        passwords = Passwords(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        write_private(path, f"OWNER_PASSWORD={passwords.owner}\nRUNTIME_PASSWORD={passwords.runtime}\n")
        return passwords

    def master_key(self) -> str:
        """Return 32 random bytes in base64, created once: without them, upstream credentials cannot be decrypted."""
        path = self.folder / "secrets.env"
        if path.exists():
            for line in path.read_text().splitlines():
                name, _, value = line.partition("=")
                if name == "KEYLEDGER_MASTER_KEY" and value:
                    return value
            raise CannotStart(f"{path} has no line KEYLEDGER_MASTER_KEY=…: bring it back from a copy")
        if self.credentials.exists():
            # The database already contains data sealed with the key, which a new key could not decrypt.
            raise CannotStart(f"{path} is gone: bring it back from a copy, or set KEYLEDGER_MASTER_KEY")
        value = base64.b64encode(os.urandom(32)).decode()
        write_private(path, f"KEYLEDGER_MASTER_KEY={value}\n")
        return value

    def correct_credentials(self, address: str) -> None:
        """Write the address of this run into `demo.env`, because HOST and PORT may have changed since the first run."""
        lines = self.credentials.read_text().splitlines()
        corrected = [f"KEYLEDGER_URL={address}" if line.startswith("KEYLEDGER_URL=") else line for line in lines]
        if corrected != lines:
            write_private(self.credentials, "\n".join(corrected) + "\n")

    @property
    def operator_settings(self) -> Path:
        """Return the path of `operator.env`, mode 0600: shell settings for the commands of an operator."""
        return self.folder / "operator.env"

    def write_operator_settings(self, settings: Mapping[str, str]) -> None:
        """Write `operator.env`. Called at each start, because the addresses may have changed since the last run."""
        lines = [
            "# For a separate terminal, because `make run` would treat DATABASE_URL as an external server.",
            *(f"export {name}={shlex.quote(settings[name])}" for name in _OPERATOR_SETTINGS),
        ]
        write_private(self.operator_settings, "\n".join(lines) + "\n")

    def example_port(self) -> int | None:
        """Return the port on which the example MCP server is registered; None if it was never started."""
        with suppress(FileNotFoundError, ValueError):
            return int((self.folder / "example-mcp.port").read_text())
        return None

    def keep_example_port(self, port: int) -> None:
        (self.folder / "example-mcp.port").write_text(f"{port}\n")

    def new_log(self, name: str) -> Path:
        """Return the path of an empty log. The log of the last run is kept next to it as `name.log.1`."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size:
            path.replace(path.with_name(f"{path.name}.1"))
        return path

    def bound_logs(self) -> None:
        """Move logs that are too large to `name.log.1`. The writers are not disturbed, because they append."""
        for path in self.logs.glob("*.log"):
            if path.stat().st_size > _LOG_BYTES_MAX:
                path.with_name(f"{path.name}.1").write_bytes(path.read_bytes())
                os.truncate(path, 0)


def _unusable(folder: Path, reason: str) -> CannotStart:
    return CannotStart(f"the data folder {folder} cannot be used ({reason}): set KEYLEDGER_HOME to another")


def _acquire_lock(folder: Path) -> IO[str]:
    """Acquire the lock, which the kernel releases when this process ends, for any reason."""
    lock = os.fdopen(os.open(folder / "lock", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644), "a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise CannotStart(f"Keyledger already runs on the data folder {folder} (process {holder})") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def write_private(path: Path, text: str) -> None:
    """Write a file atomically. Only its owner can read it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
