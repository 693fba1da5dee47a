import os
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from embedded.account import Account
from embedded.binaries import enterable_program, find_valkey
from embedded.foreign_files import hand_over
from embedded.leftovers import VALKEY_STOP, end_valkey, valkey_processes
from embedded.processes import Process, last_lines, spawn
from embedded.socket_server import SocketServer

_SOCKET = "valkey.sock"


class Valkey(SocketServer):
    """A Valkey server with its append-only file in `folder`. A kill may lose the last second of writes.

    The loss is acceptable, because PostgreSQL contains all authoritative data.
    """

    NAME = "Valkey"
    SOCKET_FILES = (_SOCKET,)
    STOP_SIGNAL = VALKEY_STOP

    @property
    def url(self) -> str:
        """Return `unix:///path/to/socket`, for redis-py."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def _socket(self) -> Path:
        return self.sockets / _SOCKET

    def _launch(self) -> Process:
        end_valkey(self.folder)
        account = self._account = Account.for_data_in(self.folder)
        program = enterable_program(find_valkey(), account)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sockets = self._prepare_sockets(account)
        for folder in (self.folder, self._sockets):
            (folder / _SOCKET).unlink(missing_ok=True)
        if self._clients:
            # Commands of root look for the socket in the data folder.
            with suppress(FileExistsError):
                (self.folder / _SOCKET).symlink_to(self._socket)
        settings = {
            "port": "0",
            # A path relative to the data, because the account may be unable to enter the folders above it.
            "unixsocket": _SOCKET if self._sockets == self.folder else str(self._socket),
            "unixsocketperm": self._socket_mode,
            "dir": ".",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Valkey must never evict rq's jobs to free memory.
            "maxmemory-policy": "noeviction",
        }
        switches = [word for name, value in settings.items() for word in (f"--{name}", value)]
        if account.uid != os.geteuid():
            hand_over(self.folder, account)
        return spawn(
            [program, *switches],
            log=self.log,
            environment={"TZ": "UTC", "LC_ALL": "C"},
            working_folder=self.folder,
            account=account,
        )

    def _members(self) -> list[int]:
        return valkey_processes(self.folder)

    def _end_leftovers(self) -> None:
        end_valkey(self.folder)

    def is_ready(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            # While the server loads its file, it responds with an error.
            return connection.recv(64).startswith(b"+PONG")
        return False

    def _reason(self) -> str:
        return "; ".join(line.strip() for line in last_lines(self.log, 2)) or f"see {self.log}"
