"""Waits without a time limit, because a slow machine is not a failure.

A line every ten seconds shows the operator what is waited for and where its log is. The operator can end the wait with
Ctrl-C.
"""

import time
from collections.abc import Callable
from pathlib import Path

from embedded.console import print_status
from embedded.signals import raise_if_requested

_REPORT_SECONDS = 10.0
_STEP_SECONDS = 0.01


class Wait:
    """A wait for the process `name`, which writes to `log`. `until` completes "waiting for it ..."."""

    def __init__(self, name: str, log: Path, until: str = "to be ready") -> None:
        self._name = name
        self._log = log
        self._until = until
        self._started = time.monotonic()
        self._due = self._started + _REPORT_SECONDS

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def report(self) -> None:
        """Print what is waited for, at most once every ten seconds."""
        if time.monotonic() >= self._due:
            self._due += _REPORT_SECONDS
            print_status(self._name, f"waiting for it {self._until} ({self.seconds:.0f} s); log: {self._log}")


def wait_until(condition: Callable[[], bool], wait: Wait) -> None:
    """Return when `condition` holds, without a time limit. Raise StopRequested."""
    while not condition():
        raise_if_requested()
        wait.report()
        time.sleep(_STEP_SECONDS)
