import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from embedded.console import print_line, print_status
from embedded.errors import CannotStart
from embedded.processes import describe_end, has_ended, last_lines, size_of
from embedded.signals import ignore_requests, raise_if_requested
from embedded.waiting import Wait

_BACKOFF_FIRST_SECONDS = 0.1
_BACKOFF_MOST_SECONDS = 5.0
_BACKOFF_MOST_OPTIONAL_SECONDS = 60.0
_STEADY_SECONDS = 10.0
_OPTIONAL_SECONDS = 10.0
"""How long a start waits for optional parts that run but are not ready."""

_STEP_SECONDS = 0.05
_CHORE_SECONDS = 30.0
_PR_SET_CHILD_SUBREAPER = 36


class Server(Protocol):
    """A process that the supervisor keeps running: PostgreSQL, Valkey, or one of our own programs."""

    log: Path

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...
    def launch(self) -> None: ...
    def is_ready(self) -> bool: ...
    def failure(self) -> CannotStart: ...
    def stop(self, seconds: float) -> None: ...


class Part(NamedTuple):
    """A server to start. `optional`: the service is complete without it, so its failure is printed and retried."""

    name: str
    server: Server
    stop_seconds: float
    optional: bool = False


@dataclass(slots=True)
class _Watched:
    """A watched server. `first`: its first start is not complete. `due`: when it will be restarted."""

    name: str
    server: Server
    stop_seconds: float
    optional: bool
    started: float
    wait: Wait
    backoff_seconds: float = _BACKOFF_FIRST_SECONDS
    due: float | None = None
    log_start: int = 0
    first: bool = True
    ready: bool = False

    @property
    def has_ended(self) -> bool:
        process = self.server.process
        return process is None or has_ended(process)

    @property
    def backoff_most(self) -> float:
        return _BACKOFF_MOST_OPTIONAL_SECONDS if self.optional else _BACKOFF_MOST_SECONDS


class Supervisor:
    """A supervisor that starts servers in order, restarts those that die, and stops all in reverse order.

    A slow server is never given up while its process runs, and the others are watched while it starts. Use this in the
    main thread, inside `with stop_requests():`.
    """

    def __init__(self) -> None:
        self._watched: list[_Watched] = []
        _adopt_orphans()

    def start(self, name: str, server: Server, stop_seconds: float) -> None:
        """Start a server, wait until it is ready, and keep it running. Raise CannotStart with the server's name.

        `stop_seconds` is how long one of our own programs may take to finish its work when everything stops.
        """
        self.start_together([Part(name, server, stop_seconds)])

    def start_together(self, parts: Sequence[Part]) -> None:
        """Start several parts concurrently, which takes as long as the slowest of them.

        A part without a readiness check must still run when the others are ready. Raise CannotStart if a part ends that
        is not optional. The wait for optional parts is as long as for the others, but at least ten seconds.
        """
        started = [self._watch_from_now_on(part) for part in parts]
        for watched in started:
            self._launch_first(watched)
        deadline = time.monotonic() + _OPTIONAL_SECONDS

        def is_done(watched: _Watched) -> bool:
            may_be_late = watched.optional and time.monotonic() >= deadline
            return watched.ready or watched.due is not None or may_be_late

        self._wait_while(lambda: not all(map(is_done, started)))
        for watched in started:
            if watched.has_ended and not watched.optional:
                raise _named(watched.name, watched.server.failure())
            watched.first = watched.first and not watched.ready

    def run_to_end(self, name: str, program: Server) -> float:
        """Run a program until it ends, and return the seconds it took. Raise CannotStart if it fails."""
        wait = Wait(name, program.log, "to be done")
        try:
            program.launch()
            while program.process is not None and not has_ended(program.process):
                raise_if_requested()
                wait.report()
                self.watch_once()
                time.sleep(_STEP_SECONDS)
            if program.process is None or program.process.returncode:
                raise program.failure()
        finally:
            program.stop(0.0)
        return wait.seconds

    def watch_once(self) -> None:
        """Report servers that became ready or died, and restart those that are due, without waiting."""
        for watched in self._watched:
            if watched.due is not None:
                if time.monotonic() >= watched.due:
                    self._restart(watched)
            elif watched.has_ended:
                self._ended(watched)
            elif not watched.ready:
                self._look(watched)
        self._reap_orphans()

    def watch(self, chore: Callable[[], None] = lambda: None, often: Callable[[], None] = lambda: None) -> None:
        """Keep everything running until a stop is requested. Call `chore` every half minute, `often` in each round."""
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
        """Stop all servers, the last started first. A second Ctrl-C has no effect."""
        ignore_requests()
        for watched in reversed(self._watched):
            watched.server.stop(watched.stop_seconds)
        self._reap_orphans()

    def _watch_from_now_on(self, part: Part) -> _Watched:
        """Register the part before it starts, so that a stop request during its start stops it too."""
        watched = _Watched(
            part.name,
            part.server,
            part.stop_seconds,
            part.optional,
            time.monotonic(),
            Wait(part.name, part.server.log),
            log_start=size_of(part.server.log),
        )
        self._watched.append(watched)
        return watched

    def _launch_first(self, watched: _Watched) -> None:
        try:
            watched.server.launch()
        except CannotStart as error:
            if not watched.optional:
                raise _named(watched.name, error) from error
            self._put_off(watched, str(error))

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        while condition():
            raise_if_requested()
            self.watch_once()
            time.sleep(_STEP_SECONDS)

    def _look(self, watched: _Watched) -> None:
        """Check a part that has been started and was not ready yet."""
        if not watched.server.is_ready():
            watched.wait.report()
            return
        watched.ready = True
        process = watched.server.process
        if watched.first:
            print_status(watched.name, f"ready ({time.monotonic() - watched.started:.1f} s)")
        else:
            print_line(f"{watched.name} runs again (process {process.pid if process else '?'})")
        watched.first = watched.first and not watched.optional

    def _ended(self, watched: _Watched) -> None:
        if watched.first and not watched.optional:
            raise _named(watched.name, watched.server.failure())
        if time.monotonic() - watched.started >= _STEADY_SECONDS:
            watched.backoff_seconds = _BACKOFF_FIRST_SECONDS
        process = watched.server.process
        end = describe_end(process.returncode) if process else "never started"
        print_line(f"{watched.name} stopped ({end}); it is started again")
        if process and process.returncode > 0:
            for line in last_lines(watched.server.log, 5, watched.log_start):
                print_line(f"    {line}")
        self._put_off(watched)

    def _restart(self, watched: _Watched) -> None:
        watched.started = time.monotonic()
        watched.log_start = size_of(watched.server.log)
        watched.wait = Wait(watched.name, watched.server.log)
        watched.due = None
        try:
            watched.server.launch()
        except CannotStart as error:
            self._put_off(watched, str(error))

    def _put_off(self, watched: _Watched, problem: str | None = None) -> None:
        if problem:
            print_line(f"{watched.name}: {problem}")
        watched.ready = False
        watched.due = time.monotonic() + watched.backoff_seconds
        watched.backoff_seconds = min(2 * watched.backoff_seconds, watched.backoff_most)

    def _reap_orphans(self) -> None:
        """Reap adopted orphans, which would otherwise remain in the process table as zombies."""
        own = {watched.server.process.pid for watched in self._watched if watched.server.process}
        for pid in _children_of_this_process():
            if pid not in own:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def _named(name: str, error: CannotStart) -> CannotStart:
    return CannotStart(f"{name} did not start: {error}", error.details)


def _adopt_orphans() -> None:
    """Become the parent of orphaned grandchildren, instead of process 1, which may not reap them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _children_of_this_process() -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []
