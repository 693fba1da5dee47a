"""The processes of the server: forks one for each listening socket, and replaces those that end.

The application is imported before the fork, so that the processes share the memory of its code and start fast.
"""

import gc
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import structlog

from app.process.parent_death import exit_with_parent

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_PAUSE_SECONDS = 0.5
_PAUSE_SECONDS_MAX = 30.0
_SHORT_SECONDS = 1.0
"""A process that ends sooner could not start. The pause before its replacement doubles each time."""

_log = structlog.get_logger(__name__)


class Processes:
    """`work` serves on a socket and returns when the process is asked to stop by SIGTERM or SIGINT.

    `stop_seconds`: after which a process that does not stop is killed.
    """

    def __init__(
        self, listeners: Sequence[socket.socket], work: Callable[[socket.socket], None], stop_seconds: float
    ) -> None:
        self._listeners = list(listeners)
        self._work = work
        self._stop_seconds = stop_seconds
        self._running: dict[int, tuple[socket.socket, float]] = {}
        """The socket of each process, and when the process started."""
        self._pauses: dict[socket.socket, float] = {}
        self._ended: list[tuple[float, socket.socket]] = []
        """When each socket without a process gets a new one."""

    def run(self) -> None:
        """Run the processes until SIGTERM or SIGINT, and return when all have ended."""
        gc.freeze()  # a collection would copy the shared memory
        with _signals_received() as (receiver, sender):
            self._wake_up = (receiver, sender)
            for listener in self._listeners:
                self._start(listener)
            while not self._is_asked_to_stop():
                self._replace_ended()
            self._stop()

    def _is_asked_to_stop(self) -> bool:
        receiver, _ = self._wake_up
        pause = max(0.0, min(at for at, _ in self._ended) - time.monotonic()) if self._ended else None
        readable, _, _ = select.select([receiver], [], [], pause)
        return bool(readable) and bool({signal.SIGTERM, signal.SIGINT} & set(receiver.recv(1_024)))

    def _replace_ended(self) -> None:
        for pid, status in _ended_children():
            listener, started = self._running.pop(pid, (None, 0.0))
            if listener is not None:
                _log.error("server_process_ended", ended_pid=pid, exit_code=os.waitstatus_to_exitcode(status))
                self._replace_later(listener, is_short=time.monotonic() - started < _SHORT_SECONDS)
        due = [listener for at, listener in self._ended if at <= time.monotonic()]
        self._ended = [(at, listener) for at, listener in self._ended if listener not in due]
        for listener in due:
            self._start(listener)

    def _replace_later(self, listener: socket.socket, *, is_short: bool) -> None:
        pause = self._pauses.get(listener, _PAUSE_SECONDS)
        self._pauses[listener] = min(2 * pause, _PAUSE_SECONDS_MAX) if is_short else _PAUSE_SECONDS
        self._ended.append((time.monotonic() + pause, listener))

    def _start(self, listener: socket.socket) -> None:
        parent = os.getpid()
        # A signal that arrives before the new process has its own handlers must not run those of this process.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._run_child(parent, listener)
        except OSError as error:  # no memory or process is left for a moment
            _log.error("server_process_not_started", error=str(error))
            self._replace_later(listener, is_short=True)
            return
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._running[pid] = listener, time.monotonic()

    def _run_child(self, parent: int, listener: socket.socket) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            exit_with_parent(parent)
            # A socket stays open as long as any process has it.
            for other in (*self._wake_up, *(each for each in self._listeners if each is not listener)):
                other.close()
            self._work(listener)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException as error:  # noqa: BLE001 -- it must not continue as the parent process
            _log.critical("process_failed", exc_info=error)
        finally:
            # Without the parent's clean-up, which would remove what the other processes use.
            os._exit(code)

    def _stop(self) -> None:
        # This process holds the sockets, too: nothing would accept what arrives after the others have closed theirs.
        for listener in self._listeners:
            listener.close()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds
        receiver, _ = self._wake_up
        while self._running:
            left = deadline - time.monotonic()
            if left <= 0:
                _log.error("server_processes_killed", pids=sorted(self._running))
                self._signal(signal.SIGKILL)
                deadline = float("inf")
                left = self._stop_seconds
            if select.select([receiver], [], [], min(left, 1.0))[0]:
                receiver.recv(1_024)
            for pid, _ in _ended_children():
                self._running.pop(pid, None)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._running:
            os.kill(pid, number)


def _ended_children() -> Generator[tuple[int, int]]:
    """Yield the id and the status of each child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal by doing nothing: its number arrives at the wake-up descriptor."""


@contextmanager
def _signals_received() -> Generator[tuple[socket.socket, socket.socket]]:
    """Receive signals as bytes from the first socket, so that one call waits for signals and for time."""
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    earlier_descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, _ignore) for number in _SIGNALS}
    try:
        yield receiver, sender
    finally:
        signal.set_wakeup_fd(earlier_descriptor)
        for number, handler in earlier.items():
            signal.signal(number, handler)
        receiver.close()
        sender.close()
