"""Common base of the embedded servers: a child process with its data in a folder, reached through a Unix socket."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from embedded.account import Account
from embedded.errors import CannotStart
from embedded.leftovers import resume
from embedded.processes import Process, describe_end, has_ended
from embedded.runtime_folder import make_shared
from embedded.sockets import remove_sockets, socket_folder
from embedded.waiting import Wait, wait_until


class Clients(NamedTuple):
    """Another account that may connect: a folder for the socket that the account can reach, and its group."""

    sockets: Path
    gid: int


class SocketServer(ABC):
    """A server as a child process. `start`, `stop` and `kill` may follow each other any number of times.

    Starting and stopping have no time limit: a server that recovers, loads or writes its data is never interrupted.
    The caller must prevent two servers on one folder: starting a server ends any other that still runs there.
    """

    NAME: ClassVar[str]
    SOCKET_FILES: ClassVar[tuple[str, ...]]
    STOP_SIGNAL: ClassVar[signal.Signals]

    def __init__(self, folder: Path, *, log: Path | None = None, clients: Clients | None = None) -> None:
        self.folder = folder.absolute()
        self._clients = clients
        self._account: Account | None = None
        self.log = log or self.folder.with_name(f"{self.folder.name}.log")
        self._process: Process | None = None
        self._sockets: Path | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            # A Ctrl-C during recovery stops the server in order too.
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process(self) -> Process | None:
        """Return the server's process, even after it has ended; None before the first start."""
        return self._process

    @property
    def sockets(self) -> Path:
        """Return the folder of the socket, which does not change."""
        if self._sockets is None:
            raise RuntimeError("a server that was never started has no address")
        return self._sockets

    def start(self) -> None:
        """Create the data if there is none, start, and return when the server responds. Raise CannotStart."""
        self.launch()
        wait_until(lambda: self._has_ended() or self.is_ready(), self._wait("to be ready"))
        if self._has_ended():
            raise self.failure()

    def launch(self) -> None:
        """Create the data if there is none, start, and return before the server responds. Raise CannotStart."""
        if self._has_ended():
            self._process = self._launch()

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether the server responds."""

    def failure(self) -> CannotStart:
        """Return the reason why the server ended before it was ready."""
        self._end_leftovers()
        code = self._process.returncode if self._process else 0
        return CannotStart(f"{self.NAME} did not start ({describe_end(code)}): {self._reason()}")

    def stop(self, seconds: float = 0.0) -> None:  # noqa: ARG002 - `Server.stop` has a time limit, which does not apply here
        """Stop the server in order, and return when it has ended. `seconds` is ignored: the stop has no time limit."""
        if self._process is None:
            return
        if not self._has_ended():
            self._process.send_signal(self.STOP_SIGNAL)
            resume([self._process.pid, *self._members()])
            wait_until(self._has_ended, self._wait("to stop"))
        self._end_leftovers()
        if self._account:
            self._account.release()
        if self._sockets:
            remove_sockets(self._sockets, *self.SOCKET_FILES, wanted=self.folder)

    def kill(self) -> None:
        """End the server immediately, as a power cut would. For tests."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()

    def _prepare_sockets(self, account: Account) -> Path:
        """Create the folder of the socket, in which the server's account can create files, and return its path."""
        if self._clients is None:
            return socket_folder(self.folder, self.SOCKET_FILES[0], account)
        make_shared(self._clients.sockets, account, self._clients.gid)
        return self._clients.sockets

    @property
    def _socket_mode(self) -> str:
        """Return the mode of the socket, in octal. Clients of another account have the group of the folder."""
        return "0770" if self._clients else "0700"

    @abstractmethod
    def _launch(self) -> Process:
        """Prepare the data and start the process. Set `_account` and `_sockets`."""

    @abstractmethod
    def _members(self) -> list[int]:
        """Return the known process ids of this server."""

    @abstractmethod
    def _end_leftovers(self) -> None:
        """End all processes of a server on the folder, in order."""

    @abstractmethod
    def _reason(self) -> str:
        """Return why the server did not start, or where the reason can be found."""

    def _has_ended(self) -> bool:
        return self._process is None or has_ended(self._process)

    def _wait(self, until: str) -> Wait:
        return Wait(self.NAME.lower(), self.log, until)
