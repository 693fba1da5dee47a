import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from embedded.account import Account
from embedded.binaries import PostgresPrograms, find_postgres
from embedded.children import Process, describe_end, has_ended, kill_all, last_lines, signal_group, spawn, working_in
from embedded.errors import CannotStart
from embedded.leftovers import POSTGRES_PROGRAM, POSTGRES_STOP, end_postgres
from embedded.socket_server import SocketServer
from embedded.sockets import socket_folder
from embedded.waiting import wait_until

DATABASE = "keyledger"
ROLE = "keyledger"
RUNTIME_ROLE = "keyledger_runtime"
"""The login of API and workers, which owns nothing. `python -m eventstore migrate` makes it."""
SUPERUSER = "postgres"

_SOCKET = ".s.PGSQL.5432"
_SOCKET_LOCK = f"{_SOCKET}.lock"
_SETTINGS = {
    # What is acknowledged is on the disk: the promise of the whole program begins here.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # Reached through the socket alone, which lies in a folder of mode 0700.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "jit": "off",  # every statement here is short: compiling costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Values of rows and parameters stay out of the server's log.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
_BOOTSTRAP = f"""\
create role {ROLE} login createdb createrole;
create database {DATABASE} owner {ROLE};
"""


class PostgreSQL(SocketServer):
    """A PostgreSQL server, its data in `folder`. A stop rolls open transactions back, a kill loses no committed one."""

    NAME = "PostgreSQL"
    SOCKET_FILES = (_SOCKET, _SOCKET_LOCK)
    STOP_SIGNAL = POSTGRES_STOP

    def __init__(self, folder: Path, *, log: Path | None = None, shared_buffers: str = "256MB") -> None:
        super().__init__(folder, log=log)
        self._shared_buffers = shared_buffers

    @property
    def url(self) -> str:
        """Of the database `keyledger` as the role that owns it: no superuser, but it may create databases."""
        return self.url_of(DATABASE)

    @property
    def runtime_url(self) -> str:
        """Of the same database as the login that owns nothing."""
        return self.url_of(DATABASE, RUNTIME_ROLE)

    def url_of(self, database: str, role: str = ROLE) -> str:
        """`postgresql://role@/database?host=/socket/folder`. With SUPERUSER a test can go behind the program's back."""
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self.sockets), safe='/')}"

    def kill(self) -> None:
        super().kill()
        # A backend leads a process group of its own, and while it computes it does not see that its postmaster is gone.
        kill_all(self._members())

    def _launch(self) -> Process:
        account = Account.for_data_in(self.folder)
        programs = find_postgres(account)
        if not (self.folder / "PG_VERSION").exists():
            self._create(programs, account)
        self._refuse_data_of_another_version(programs)
        self._sockets = socket_folder(self.folder, _SOCKET, account)
        self._clear_up_after_a_crash(self._sockets)
        if account.uid != os.geteuid():
            # Of `nobody`, or handed over by a start that was interrupted.
            account.give(self.folder)
        self._let_in(account)
        settings = {
            **_SETTINGS,
            "shared_buffers": self._shared_buffers,
            # Relative to the data: its whole path need not be open to the account.
            "unix_socket_directories": "." if self._sockets == self.folder else str(self._sockets),
        }
        switches = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._spawn([programs.postgres, *switches], self.folder, account)

    def _create(self, programs: PostgresPrograms, account: Account) -> None:
        """Make the data aside and rename it: a folder that is there is whole, whenever the power went."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise CannotStart(f"{self.folder} is not empty and holds no data of PostgreSQL: move it away")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.folder.with_name(f".{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        creator = Account.idle()
        creator.give(fresh)
        # The builtin provider sorts by code point on every machine: no index breaks when a libc is updated.
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
        self._run(
            [programs.initdb, f"--username={SUPERUSER}", "--auth=peer", *locale, "--no-instructions"], fresh, creator
        )
        self._run([programs.postgres, "--single", "-c", "log_checkpoints=off", SUPERUSER], fresh, creator, _BOOTSTRAP)
        account.give(fresh)
        with suppress(FileNotFoundError):
            self.folder.rmdir()
        fresh.rename(self.folder)

    def _run(self, program: list[str | Path], data: Path, account: Account, statements: str = "") -> None:
        child = self._spawn(program, data, account, statements)
        try:
            wait_until(lambda: has_ended(child), self._wait("to make its data"))
        finally:
            # Data that is not complete is made again from the beginning: nothing is lost with it.
            signal_group(child, signal.SIGKILL)
            code = child.wait()
        if code:
            raise CannotStart(f"PostgreSQL could not make its data ({describe_end(code)}): {self._reason()}")

    def _spawn(self, program: list[str | Path], data: Path, account: Account, statements: str = "") -> Process:
        """Start a program of PostgreSQL on `data`.

        Another account may not reach the data by path, because a folder above it is closed (/root, or pytest's own).
        So it is handed over as an open folder, which needs no permission on the folders above.
        """
        handed = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
        foreign = account.uid != os.geteuid()
        try:
            with tempfile.TemporaryFile() as script:
                script.write(statements.encode())
                script.seek(0)
                return spawn(
                    program,
                    log=self.log,
                    environment={**_environment(), "PGDATA": f"/proc/self/fd/{handed}" if foreign else str(data)},
                    working_folder=data,
                    account=account,
                    death_signal=self.STOP_SIGNAL,
                    open_files=[handed] if foreign else [],
                    reads=script,
                )
        finally:
            os.close(handed)

    def _refuse_data_of_another_version(self, programs: PostgresPrograms) -> None:
        major = (self.folder / "PG_VERSION").read_text().strip()
        if major != str(programs.major):
            message = f"{self.folder} was made by PostgreSQL {major}, but the programs found are of {programs.major}"
            raise CannotStart(f"{message}: bring the data over with pg_dump, or set DATABASE_URL")

    def _clear_up_after_a_crash(self, sockets: Path) -> None:
        """Remove processes and locks of a server that ended without order.

        PostgreSQL does this itself, unless the process id in its lock file was given to a stranger in the meantime.
        """
        end_postgres(self.folder)
        for stale in (self.folder / "postmaster.pid", sockets / _SOCKET, sockets / _SOCKET_LOCK):
            stale.unlink(missing_ok=True)

    def _let_in(self, account: Account) -> None:
        """Write who may connect: this account and that of the server, both known by the kernel's word (peer).

        An unused user id has no name, so a process that may run as the server still cannot connect as its superuser.
        """
        names = {each for each in (account.name, Account.own().name) if each}
        files = {
            "pg_hba.conf": "local all all peer map=keyledger\n",
            "pg_ident.conf": "".join(
                f'keyledger "{name}" {role}\n' for name in sorted(names) for role in (ROLE, RUNTIME_ROLE, SUPERUSER)
            ),
        }
        for file_name, content in files.items():
            path = self.folder / file_name
            path.write_text(content)
            if account.uid != os.geteuid():
                os.chown(path, account.uid, account.gid)

    def _members(self) -> list[int]:
        return working_in(self.folder, POSTGRES_PROGRAM)

    def _end_leftovers(self) -> None:
        end_postgres(self.folder)

    def is_ready(self) -> bool:
        """The eighth line of the lock file is the state that the postmaster reports (src/include/utils/pidfile.h)."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"  # noqa: PLR2004 - LOCK_FILE_LINE_PM_STATUS

    def _reason(self) -> str:
        complaints = [
            line for line in last_lines(self.log, 40) if "FATAL" in line or "error:" in line or "PANIC" in line
        ]
        return complaints[-1].strip() if complaints else f"see {self.log}"


def _environment() -> dict[str, str]:
    """Nothing of the caller's: PGPORT or a locale would change the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "LC_ALL": "C"}
