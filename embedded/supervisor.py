import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from embedded.children import describe_end, has_ended, last_lines, size_of
from embedded.console import say, say_state
from embedded.errors import CannotStart
from embedded.service import Service
from embedded.stopping import ignore_requests, raise_if_requested

_BACKOFF_FIRST_SECONDS = 0.1
_BACKOFF_MOST_SECONDS = 5.0
_STEADY_SECONDS = 10.0
_STEP_SECONDS = 0.05
_CHORE_SECONDS = 30.0
_PR_SET_CHILD_SUBREAPER = 36


class Server(Protocol):
    """What the supervisor keeps alive: PostgreSQL, Valkey, or a program of ours."""

    log: Path

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...
    def start(self) -> None: ...
    def stop(self, seconds: float) -> None: ...


@dataclass(slots=True)
class _Watched:
    name: str
    server: Server
    stop_seconds: float
    started: float
    backoff_seconds: float = _BACKOFF_FIRST_SECONDS
    due: float | None = None
    log_start: int = 0

    @property
    def has_ended(self) -> bool:
        process = self.server.process
        return process is None or has_ended(process)


class Supervisor:
    """Starts servers one after the other, starts again what dies, and stops all in the reverse order.

    Use it in the main thread, inside `with stop_requests():`.
    """

    def __init__(self) -> None:
        self._watched: list[_Watched] = []
        _adopt_orphans()

    def start(self, name: str, server: Server, stop_seconds: float) -> None:
        """Start a server and keep it running from now on. Raises CannotStart, naming it.

        `stop_seconds` is how long it may take to finish what it does when everything stops.
        """
        watched = self._watch_from_now_on(name, server, stop_seconds)
        with _naming(name):
            server.start()
        self._say_ready(watched)

    def start_together(self, services: Sequence[tuple[str, Service, float]]) -> None:
        """Start several (name, service, stop_seconds) at once, which takes as long as the slowest of them.

        A service that does not say when it is ready has to be alive still when the others are. Raises CannotStart.
        """
        launched = [
            (self._watch_from_now_on(name, service, seconds), service, service.launch())
            for name, service, seconds in services
        ]
        for watched, service, process in launched:
            with _naming(watched.name):
                service.wait_until_ready(process)
        for watched, service, process in launched:
            with _naming(watched.name):
                service.wait_until_ready(process)
            self._say_ready(watched)

    def watch_once(self) -> None:
        """Start again what has died and is due; says so. Returns at once otherwise."""
        for watched in self._watched:
            now = time.monotonic()
            if watched.has_ended and watched.due is None:
                self._announce(watched, now)
            if watched.due is not None and now >= watched.due:
                self._restart(watched)
        self._reap_orphans()

    def watch(self, chore: Callable[[], None] = lambda: None, often: Callable[[], None] = lambda: None) -> None:
        """Keep everything running until a stop is requested; `chore` is done every half minute, `often` always."""
        due = time.monotonic()
        while True:
            raise_if_requested()
            self.watch_once()
            often()
            if time.monotonic() >= due:
                chore()
                due = time.monotonic() + _CHORE_SECONDS
            time.sleep(_STEP_SECONDS)

    def stop(self) -> None:
        """Stop all, the last started first, each within its time. An impatient second Ctrl-C changes nothing."""
        ignore_requests()
        for watched in reversed(self._watched):
            watched.server.stop(watched.stop_seconds)
        self._reap_orphans()

    def _watch_from_now_on(self, name: str, server: Server, stop_seconds: float) -> _Watched:
        """Before it runs, so that a stop request in the middle of its start finds it."""
        watched = _Watched(name, server, stop_seconds, time.monotonic(), log_start=size_of(server.log))
        self._watched.append(watched)
        return watched

    def _say_ready(self, watched: _Watched) -> None:
        say_state(watched.name, f"ready ({time.monotonic() - watched.started:.1f} s)")

    def _announce(self, watched: _Watched, now: float) -> None:
        if now - watched.started >= _STEADY_SECONDS:
            watched.backoff_seconds = _BACKOFF_FIRST_SECONDS
        watched.due = now + watched.backoff_seconds
        process = watched.server.process
        end = describe_end(process.returncode) if process else "never started"
        say(f"{watched.name} stopped ({end}); it is started again")
        if process and process.returncode > 0:
            for line in last_lines(watched.server.log, 5, watched.log_start):
                say(f"    {line}")
        watched.backoff_seconds = min(2 * watched.backoff_seconds, _BACKOFF_MOST_SECONDS)

    def _restart(self, watched: _Watched) -> None:
        watched.started = time.monotonic()
        watched.log_start = size_of(watched.server.log)
        try:
            watched.server.start()
        except CannotStart as error:
            say(f"{watched.name}: {error}")
            watched.due = time.monotonic() + watched.backoff_seconds
            watched.backoff_seconds = min(2 * watched.backoff_seconds, _BACKOFF_MOST_SECONDS)
            return
        watched.due = None
        process = watched.server.process
        say(f"{watched.name} runs again (process {process.pid if process else '?'})")

    def _reap_orphans(self) -> None:
        """Let go of what our children left behind, or it stays in the process table as a zombie."""
        own = {watched.server.process.pid for watched in self._watched if watched.server.process}
        for pid in _children_of_this_process():
            if pid not in own:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


@contextmanager
def _naming(name: str) -> Generator[None]:
    try:
        yield
    except CannotStart as error:
        raise CannotStart(f"{name} did not start: {error}", error.details) from error


def _adopt_orphans() -> None:
    """Grandchildren whose parent dies become our children, instead of the first process's, which may not care."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _children_of_this_process() -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []
