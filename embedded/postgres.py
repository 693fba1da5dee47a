import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from embedded.account import Account
from embedded.binaries import PostgresPrograms, find_postgres
from embedded.errors import CannotStart
from embedded.foreign_files import hand_over, read_foreign, write_foreign
from embedded.leftovers import LOCK_FILE_BYTES_MAX, POSTGRES_PROGRAM, POSTGRES_STOP, end_postgres
from embedded.processes import Process, describe_end, has_ended, kill_all, last_lines, signal_group, spawn, working_in
from embedded.socket_server import Clients, SocketServer
from embedded.waiting import wait_until

DATABASE = "keyledger"
ROLE = "keyledger"
RUNTIME_ROLE = "keyledger_runtime"
"""The login of the API and the workers, which owns nothing. `python -m eventstore migrate` creates it."""
SUPERUSER = "postgres"

_VERSION_BYTES_MAX = 16
_SOCKET = ".s.PGSQL.5432"
_SOCKET_LOCK = f"{_SOCKET}.lock"
_SETTINGS = {
    # Acknowledged data is on disk: the durability that the service promises depends on these settings.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # Only the socket accepts connections, in a folder that is closed to other accounts.
    "listen_addresses": "",
    "max_connections": "100",
    "jit": "off",  # all statements are short: compiling costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The server's log must not contain values of rows and parameters.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
_NOT_DURABLE = {
    # A killed process loses nothing, because the operating system still writes the pages. A power cut ruins the data.
    "fsync": "off",
    "full_page_writes": "off",
}
_BOOTSTRAP = f"""\
create role {ROLE} login createdb createrole;
create database {DATABASE} owner {ROLE};
"""


class Passwords(NamedTuple):
    """Passwords of the owner's login and of the service's login, which must not be able to become the owner."""

    owner: str
    runtime: str

    def of(self, role: str) -> str | None:
        return {ROLE: self.owner, RUNTIME_ROLE: self.runtime}.get(role)


class PostgreSQL(SocketServer):
    """A PostgreSQL server with its data in `folder`.

    A stop rolls back open transactions. A kill loses no committed transaction.
    """

    NAME = "PostgreSQL"
    SOCKET_FILES = (_SOCKET, _SOCKET_LOCK)
    STOP_SIGNAL = POSTGRES_STOP

    def __init__(
        self,
        folder: Path,
        *,
        log: Path | None = None,
        shared_buffers: str = "256MB",
        clients: Clients | None = None,
        passwords: Passwords | None = None,
        durable: bool = True,
    ) -> None:
        """Take `passwords` for both logins if there are `clients`: `peer` cannot identify a user id without a name.

        `durable=False` is for data that may be lost in a power cut, such as the databases of tests.
        """
        super().__init__(folder, log=log, clients=clients)
        self._shared_buffers = shared_buffers
        self._passwords = passwords
        self._durable = durable

    @property
    def url(self) -> str:
        """Return the URL of the database `keyledger` for its owner, which may create databases but is no superuser."""
        return self.url_of(DATABASE)

    @property
    def runtime_url(self) -> str:
        """Return the URL of the same database for the login that owns nothing."""
        return self.url_of(DATABASE, RUNTIME_ROLE)

    def url_of(self, database: str, role: str = ROLE) -> str:
        """Return `postgresql://role@/database?host=/socket/folder`. Tests use SUPERUSER to bypass the program."""
        password = self._passwords.of(role) if self._passwords else None
        login = f"{quote(role)}:{quote(password, safe='')}" if password else quote(role)
        return f"postgresql://{login}@/{quote(database)}?host={quote(str(self.sockets), safe='/')}"

    def set_password(self) -> None:
        """Set the password of the role that owns the database. The migration sets that of the other login.

        The server receives only a verifier, so its log cannot contain the password. psycopg is imported here, because
        most starts do not need it.
        """
        if self._passwords is None:
            return
        import psycopg  # noqa: PLC0415
        from psycopg import sql  # noqa: PLC0415

        with psycopg.connect(self.url_of(DATABASE, SUPERUSER), autocommit=True) as connection:
            password = self._passwords.owner.encode()
            verifier = connection.pgconn.encrypt_password(password, ROLE.encode(), b"scram-sha-256").decode()
            connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(ROLE), sql.Literal(verifier)))

    def kill(self) -> None:
        super().kill()
        # A backend leads its own process group, and does not notice the death of its postmaster while it computes.
        kill_all(self._members())

    def _launch(self) -> Process:
        end_postgres(self.folder)
        account = self._account = Account.for_data_in(self.folder)
        programs = find_postgres(account)
        if not (self.folder / "PG_VERSION").exists():
            self._create(programs, account)
        self._refuse_data_of_another_version(programs)
        self._sockets = self._prepare_sockets(account)
        self._remove_locks_of_a_crash(self._sockets)
        if account.uid != os.geteuid():
            # The data belonged to another account, or an interrupted start changed the owner only in part.
            hand_over(self.folder, account)
        self._write_access_rules(account)
        # A path relative to the data, because the account may be unable to enter the folders above it. Root can use the
        # socket there too.
        folders = ["."] if self._sockets == self.folder or self._clients else []
        folders += [str(self._sockets)] if self._sockets != self.folder else []
        settings = {
            **_SETTINGS,
            **({} if self._durable else _NOT_DURABLE),
            "shared_buffers": self._shared_buffers,
            "unix_socket_directories": ", ".join(folders),
            "unix_socket_permissions": self._socket_mode,
        }
        switches = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._spawn([programs.postgres, *switches], self.folder, account)

    def _create(self, programs: PostgresPrograms, account: Account) -> None:
        """Create the data under another name and rename it, so that a power cut cannot leave an incomplete folder."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise CannotStart(f"{self.folder} is not empty and holds no data of PostgreSQL: move it away")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.folder.with_name(f".{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        creator = Account.idle()
        hand_over(fresh, creator)
        # The builtin provider sorts by code point on every machine, so an update of libc breaks no index.
        options = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
        options += ["--no-instructions"] if self._durable else ["--no-instructions", "--no-sync"]
        self._run([programs.initdb, f"--username={SUPERUSER}", "--auth=peer", *options], fresh, creator)
        settings = ["-c", "log_checkpoints=off", "-c", f"fsync={'on' if self._durable else 'off'}"]
        self._run([programs.postgres, "--single", *settings, SUPERUSER], fresh, creator, _BOOTSTRAP)
        hand_over(fresh, account)
        with suppress(FileNotFoundError):
            self.folder.rmdir()
        fresh.rename(self.folder)

    def _run(self, program: list[str | Path], data: Path, account: Account, statements: str = "") -> None:
        child = self._spawn(program, data, account, statements)
        try:
            wait_until(lambda: has_ended(child), self._wait("to make its data"))
        finally:
            # Incomplete data is created again from scratch, so killing the program loses nothing.
            signal_group(child, signal.SIGKILL)
            code = child.wait()
        if code:
            raise CannotStart(f"PostgreSQL could not make its data ({describe_end(code)}): {self._reason()}")

    def _spawn(self, program: list[str | Path], data: Path, account: Account, statements: str = "") -> Process:
        """Start a program of PostgreSQL on `data`.

        Another account may be unable to reach the data by path, because a folder above is closed (/root, or pytest's
        temporary folder). The program therefore gets an open folder, which needs no permission on the folders above.
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
        major = read_foreign(self.folder / "PG_VERSION", _VERSION_BYTES_MAX).decode(errors="replace").strip()
        if major != str(programs.major):
            message = f"{self.folder} was made by PostgreSQL {major}, but the programs found are of {programs.major}"
            raise CannotStart(f"{message}: bring the data over with pg_dump, or set DATABASE_URL")

    def _remove_locks_of_a_crash(self, sockets: Path) -> None:
        """Remove the locks of a server that did not shut down.

        PostgreSQL does so itself, unless the process id in its lock file now belongs to another process.
        """
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for folder in (self.folder, sockets):
            for stale in (_SOCKET, _SOCKET_LOCK):
                (folder / stale).unlink(missing_ok=True)

    def _write_access_rules(self, account: Account) -> None:
        """Let only the account of this process connect, as any role; the kernel verifies the account (peer).

        The account of the server may not connect. With passwords, peer is only for the superuser, and both logins need
        their passwords from every account.
        """
        roles = (SUPERUSER,) if self._passwords else (ROLE, RUNTIME_ROLE, SUPERUSER)
        own = Account.own().name
        rules = f"local all {','.join(roles)} peer map=keyledger\n"
        if self._passwords:
            rules += f"local all {ROLE},{RUNTIME_ROLE} scram-sha-256\n"
        write_foreign(self.folder / "pg_hba.conf", rules, account)
        names = "".join(f'keyledger "{own}" {role}\n' for role in roles)
        write_foreign(self.folder / "pg_ident.conf", names, account)

    def _members(self) -> list[int]:
        return working_in(self.folder, POSTGRES_PROGRAM)

    def _end_leftovers(self) -> None:
        end_postgres(self.folder)

    def is_ready(self) -> bool:
        """Return whether line 8 of the lock file, the postmaster's state, is `ready` (src/include/utils/pidfile.h)."""
        try:
            lines = read_foreign(self.folder / "postmaster.pid", LOCK_FILE_BYTES_MAX).splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == b"ready"  # noqa: PLR2004 - LOCK_FILE_LINE_PM_STATUS

    def _reason(self) -> str:
        complaints = [
            line for line in last_lines(self.log, 40) if "FATAL" in line or "error:" in line or "PANIC" in line
        ]
        return complaints[-1].strip() if complaints else f"see {self.log}"


def _environment() -> dict[str, str]:
    """Return a minimal environment: the caller's PGPORT or locale would change the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "LC_ALL": "C"}
