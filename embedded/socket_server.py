"""What the embedded servers have in common: a child process, its data in a folder, reached through a Unix socket."""

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
    """Another account that is let in: a folder for the socket that it can reach, and its group."""

    sockets: Path
    gid: int


class SocketServer(ABC):
    """A server as a child process. `start`, `stop` and `kill` may follow each other any number of times.

    Starting and stopping take as long as they take: a server that recovers, loads or writes its data is never cut off.
    Two on one folder are for the caller to prevent: starting ends whatever server still runs there.
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
            # Ctrl-C while it recovers: it is asked to stop like any other time.
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process(self) -> Process | None:
        """The server, also after it has ended; None before the first start."""
        return self._process

    @property
    def sockets(self) -> Path:
        """The folder of its socket, which stays the same."""
        if self._sockets is None:
            raise RuntimeError("a server that was never started has no address")
        return self._sockets

    def start(self) -> None:
        """Make the data if there is none, start, and return when the server answers. Raises CannotStart."""
        self.launch()
        wait_until(lambda: self._has_ended() or self.is_ready(), self._wait("to be ready"))
        if self._has_ended():
            raise self.failure()

    def launch(self) -> None:
        """Make the data if there is none, and start; returns before the server answers. Raises CannotStart."""
        if self._has_ended():
            self._process = self._launch()

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    def failure(self) -> CannotStart:
        """Why it ended instead of becoming ready."""
        self._end_leftovers()
        code = self._process.returncode if self._process else 0
        return CannotStart(f"{self.NAME} did not start ({describe_end(code)}): {self._reason()}")

    def stop(self, seconds: float = 0.0) -> None:  # noqa: ARG002 - of every server; this one is not cut off
        """Let it end in order, and return when it has. No number of seconds is enough to cut it off."""
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
        """End it immediately, as a power cut would. For tests."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()

    def _prepare_sockets(self, account: Account) -> Path:
        """Make the folder of the socket, where the account of the server may put it."""
        if self._clients is None:
            return socket_folder(self.folder, self.SOCKET_FILES[0], account)
        make_shared(self._clients.sockets, account, self._clients.gid)
        return self._clients.sockets

    @property
    def _socket_mode(self) -> str:
        """In octal. Clients of another account have the group of the folder."""
        return "0770" if self._clients else "0700"

    @abstractmethod
    def _launch(self) -> Process:
        """Prepare the data and start the process. Sets `_account` and `_sockets`."""

    @abstractmethod
    def _members(self) -> list[int]:
        """The processes of this server, as far as they are known."""

    @abstractmethod
    def _end_leftovers(self) -> None:
        """End what is left of a server on the folder, in order."""

    @abstractmethod
    def _reason(self) -> str:
        """Why it did not start, or where to look for it."""

    def _has_ended(self) -> bool:
        return self._process is None or has_ended(self._process)

    def _wait(self, until: str) -> Wait:
        return Wait(self.NAME.lower(), self.log, until)
