"""The data folder: held by one supervisor at a time, with what has to survive a restart."""

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
    """The data folder, locked until it is closed or this process ends. Raises CannotStart if it can not be used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self._close_to_others()
            (folder / "logs").mkdir(mode=0o700 if os.geteuid() == 0 else 0o777, exist_ok=True)
            self._lock = _hold(folder)
        except OSError as error:
            raise _unusable(folder, error.strerror or type(error).__name__) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    @contextmanager
    def usable(self) -> Generator[None]:
        """Raises CannotStart where a file in the folder turns out to be closed to this account, or can not be written.

        That is what a run as root leaves behind in the folder of somebody else.
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
        """`demo.env`, mode 0600; it is there once the first run has made its organization."""
        return self.folder / CREDENTIALS

    def _close_to_others(self) -> None:
        """Close the folder for root, under which several accounts work. Raises CannotStart for one like /tmp."""
        if self.folder.stat().st_mode & stat.S_IWOTH:
            raise _unusable(self.folder, "every account may write to it")
        for path in (self.folder, self.logs, self.folder / "lock"):
            if path.exists():
                path.chmod(path.stat().st_mode & stat.S_IRWXU)

    @property
    def mail(self) -> Path:
        """`mail.txt`, mode 0600; under root a link to where the workers write it."""
        return self.folder / MAIL

    def database_passwords(self) -> Passwords:
        """Return the passwords of the database, made once: a user id without a name has no other way to log in."""
        path = self.folder / "database.env"
        if path.exists():
            kept = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
            if kept.get("OWNER_PASSWORD") and kept.get("RUNTIME_PASSWORD"):
                return Passwords(kept["OWNER_PASSWORD"], kept["RUNTIME_PASSWORD"])
        passwords = Passwords(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        write_private(path, f"OWNER_PASSWORD={passwords.owner}\nRUNTIME_PASSWORD={passwords.runtime}\n")
        return passwords

    def master_key(self) -> str:
        """The base64 of 32 random bytes, made once: whoever loses it can not read upstream credentials again."""
        path = self.folder / "secrets.env"
        if path.exists():
            for line in path.read_text().splitlines():
                name, _, value = line.partition("=")
                if name == "KEYLEDGER_MASTER_KEY" and value:
                    return value
            raise CannotStart(f"{path} has no line KEYLEDGER_MASTER_KEY=…: bring it back from a copy")
        if self.credentials.exists():
            # What the key sealed is already in the database, and a new key could not open it.
            raise CannotStart(f"{path} is gone: bring it back from a copy, or set KEYLEDGER_MASTER_KEY")
        value = base64.b64encode(os.urandom(32)).decode()
        write_private(path, f"KEYLEDGER_MASTER_KEY={value}\n")
        return value

    def correct_credentials(self, address: str) -> None:
        """Put the address of this run into `demo.env`, since HOST and PORT may be others than when it was made."""
        lines = self.credentials.read_text().splitlines()
        corrected = [f"KEYLEDGER_URL={address}" if line.startswith("KEYLEDGER_URL=") else line for line in lines]
        if corrected != lines:
            write_private(self.credentials, "\n".join(corrected) + "\n")

    @property
    def operator_settings(self) -> Path:
        """`operator.env`, mode 0600, for a shell: what `python -m app admin`, `eventstore` and `projections` need."""
        return self.folder / "operator.env"

    def write_operator_settings(self, told: Mapping[str, str]) -> None:
        """Written at each start, since the addresses may be others than in the run before."""
        lines = [
            "# For a terminal of its own: `make run` would take DATABASE_URL for a server that somebody else runs.",
            *(f"export {name}={shlex.quote(told[name])}" for name in _OPERATOR_SETTINGS),
        ]
        write_private(self.operator_settings, "\n".join(lines) + "\n")

    def example_port(self) -> int | None:
        """The port on which the example MCP server is registered, if it was ever started."""
        with suppress(FileNotFoundError, ValueError):
            return int((self.folder / "example-mcp.port").read_text())
        return None

    def keep_example_port(self, port: int) -> None:
        (self.folder / "example-mcp.port").write_text(f"{port}\n")

    def new_log(self, name: str) -> Path:
        """The path of an empty log; the one of the run before is kept beside it as `name.log.1`."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size:
            path.replace(path.with_name(f"{path.name}.1"))
        return path

    def bound_logs(self) -> None:
        """Move what a long run wrote to `name.log.1` when it has become too much; the writers append, so they go on."""
        for path in self.logs.glob("*.log"):
            if path.stat().st_size > _LOG_BYTES_MAX:
                path.with_name(f"{path.name}.1").write_bytes(path.read_bytes())
                os.truncate(path, 0)


def _unusable(folder: Path, reason: str) -> CannotStart:
    return CannotStart(f"the data folder {folder} can not be used ({reason}): set KEYLEDGER_HOME to another")


def _hold(folder: Path) -> IO[str]:
    """Take the lock, which the kernel gives back when this process ends, however that happens."""
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
    """Written whole or not at all, readable by the owner alone."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
