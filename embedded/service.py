import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from embedded.account import Account
from embedded.errors import CannotStart
from embedded.processes import (
    Process,
    describe_end,
    has_ended,
    kill_all,
    last_lines,
    marked_with,
    signal_group,
    size_of,
    spawn,
)
from embedded.waiting import Wait, wait_until


class RunAs(NamedTuple):
    """An account other than that of this process, with the Python that it can run and its working folder."""

    account: Account
    python: tuple[str | Path, ...]
    working_folder: Path


class Service:
    """A child process that runs one of our own programs: `python -m module words…`.

    `mark` identifies it among all processes of this machine, so that processes it leaves behind are found.
    """

    def __init__(
        self,
        module: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        mark: str,
        is_ready: Callable[[], bool] = lambda: True,
        run_as: RunAs | None = None,
    ) -> None:
        self.log = log
        self.is_ready = is_ready
        self._program = [*(run_as.python if run_as else (sys.executable,)), "-m", *module]
        self._environment = environment
        self._account = run_as.account if run_as else None
        self._working_folder = run_as.working_folder if run_as else None
        self._mark = mark
        self._process: Process | None = None
        self._log_start = 0

    @property
    def process(self) -> Process | None:
        return self._process

    def launch(self) -> None:
        """Start the program, and return before it is ready."""
        self.kill()
        self._log_start = size_of(self.log)
        self._process = spawn(
            self._program,
            log=self.log,
            environment=self._environment,
            working_folder=self._working_folder,
            account=self._account,
            mark=self._mark,
        )

    def failure(self) -> CannotStart:
        """Return the reason why the program ended, with the last lines of its log."""
        code = self._process.returncode if self._process else 0
        return CannotStart(
            f"it ended with {describe_end(code)}, see {self.log}", last_lines(self.log, 10, self._log_start)
        )

    def stop(self, seconds: float) -> None:
        """Ask the program to finish its work and end. After `seconds`, kill it and everything it started."""
        if self._process is None:
            return
        if not has_ended(self._process):
            self._process.send_signal(signal.SIGTERM)
            process = self._process
            deadline = time.monotonic() + seconds
            wait = Wait(self._mark.rpartition(":")[2], self.log, "to finish what it does")
            wait_until(lambda: has_ended(process) or time.monotonic() >= deadline, wait)
        self.kill()

    def kill(self) -> None:
        """Kill the program and everything it started, including processes of an earlier supervisor."""
        if self._process:
            signal_group(self._process, signal.SIGKILL)
            self._process.wait()
        kill_all(marked_with(self._mark))
