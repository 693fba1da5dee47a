"""What the embedded servers have in common: a child process, its data in a folder, reached through a Unix socket."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from embedded.children import Process, describe_end, has_ended, wait_for
from embedded.errors import CannotStart
from embedded.sockets import remove_sockets


class SocketServer(ABC):
    """A server as a child process. `start`, `stop` and `kill` may follow each other any number of times.

    Two on one folder are for the caller to prevent: starting ends whatever server still runs there.
    """

    NAME: ClassVar[str]
    SOCKET_FILES: ClassVar[tuple[str, ...]]
    STOP_SIGNAL: ClassVar[signal.Signals]
    START_SECONDS: ClassVar[float]

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.log = log or self.folder.with_name(f"{self.folder.name}.log")
        self._process: Process | None = None
        self._sockets: Path | None = None

    def __enter__(self) -> Self:
        self.start()
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
        if not self._has_ended():
            return
        self._process = self._launch()
        if not wait_for(lambda: self._is_ready() or self._has_ended(), self.START_SECONDS) or self._has_ended():
            code = self._process.poll()
            self.kill()
            raise CannotStart(f"{self.NAME} did not start ({end_of(code)}): {self._reason()}")

    def stop(self, seconds: float = 5.0) -> None:
        """Let it end in order; what takes longer than `seconds` is cut off."""
        if self._process is None:
            return
        if not self._has_ended():
            self._process.send_signal(self.STOP_SIGNAL)
            wait_for(self._has_ended, seconds)
        self.kill()
        if self._sockets:
            remove_sockets(self._sockets, *self.SOCKET_FILES, wanted=self.folder)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()

    @abstractmethod
    def _launch(self) -> Process:
        """Prepare the data and start the process. Sets `_sockets`."""

    @abstractmethod
    def _is_ready(self) -> bool: ...

    @abstractmethod
    def _reason(self) -> str:
        """Why it did not start, or where to look for it."""

    def _has_ended(self) -> bool:
        return self._process is None or has_ended(self._process)


def end_of(code: int | None) -> str:
    return "too slow" if code is None else describe_end(code)
