import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from embedded.children import (
    Process,
    describe_end,
    has_ended,
    kill_all,
    last_lines,
    marked_with,
    signal_group,
    size_of,
    spawn,
    wait_for,
)
from embedded.errors import CannotStart


class Service:
    """A long-running child that is one of our own programs: `python -m module words…`.

    `mark` names it among all processes of this machine, so that what it leaves behind is found.
    """

    def __init__(
        self,
        module: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        mark: str,
        is_ready: Callable[[], bool] = lambda: True,
        start_seconds: float = 60.0,
    ) -> None:
        self.log = log
        self._program = [sys.executable, "-m", *module]
        self._environment = environment
        self._mark = mark
        self._is_ready = is_ready
        self._start_seconds = start_seconds
        self._process: Process | None = None
        self._log_start = 0

    @property
    def process(self) -> Process | None:
        return self._process

    def start(self) -> None:
        """Start, and return when it is ready. Raises CannotStart with its last words if it ends before."""
        self.wait_until_ready(self.launch())

    def launch(self) -> Process:
        """Start, and return at once."""
        self.kill()
        self._log_start = size_of(self.log)
        self._process = spawn(self._program, log=self.log, environment=self._environment, mark=self._mark)
        return self._process

    def wait_until_ready(self, process: Process) -> None:
        """Raises CannotStart with its last words if it ends before, or takes too long."""
        settled = wait_for(lambda: self._is_ready() or has_ended(process), self._start_seconds)
        if has_ended(process):
            raise _failure(f"it ended at once ({describe_end(process.returncode)})", self.log, self._log_start)
        if not settled:
            raise _failure(f"it was not ready after {self._start_seconds:.0f} s", self.log, self._log_start)

    def stop(self, seconds: float) -> None:
        """Ask it to finish what it does and end; after `seconds` everything it started is killed."""
        if self._process is None:
            return
        if not has_ended(self._process):
            self._process.send_signal(signal.SIGTERM)
            process = self._process
            wait_for(lambda: has_ended(process), seconds)
        self.kill()

    def kill(self) -> None:
        """End it and everything it started at once, also what an earlier supervisor left behind."""
        if self._process:
            signal_group(self._process, signal.SIGKILL)
            self._process.wait()
        kill_all(marked_with(self._mark))


def run_to_end(module: Sequence[str], *, log: Path, environment: Mapping[str, str], mark: str, seconds: float) -> None:
    """Run `python -m module words…` and wait. Raises CannotStart with its last words if it fails or takes too long."""
    process = spawn([sys.executable, "-m", *module], log=log, environment=environment, mark=mark)
    try:
        if not wait_for(lambda: has_ended(process), seconds):
            raise _failure(f"it was not done after {seconds:.0f} s", log)
    finally:
        signal_group(process, signal.SIGKILL)
        process.wait()
    if process.returncode:
        raise _failure(describe_end(process.returncode), log)


def _failure(what: str, log: Path, since: int = 0) -> CannotStart:
    return CannotStart(f"{what}, see {log}", last_lines(log, 10, since))
