"""Bounds on what a test waits for.

A test tells a wait that ends from one that never ends. How fast something is on a quiet machine is measured in
`benchmarks/`. So a bound here is generous, and it grows with the load of the machine.
"""

import os
import time
from collections.abc import Callable

from infrastructure.database.connections import Timeouts

GENEROUS_TIMEOUTS = Timeouts(connect=20, acquire=30, lock=30, statement=60, idle_in_transaction=60)
"""A busy machine is no outage."""

_SECONDS_MIN = 30.0


def stretched(seconds: float) -> float:
    """Return the bound for what takes up to `seconds` on a machine that does nothing else."""
    return max(_SECONDS_MIN, seconds * max(3.0, 3.0 * os.getloadavg()[0] / (os.cpu_count() or 1)))


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until it `holds`; fail after `seconds`, or later on a busy machine."""
    began = time.monotonic()
    # The load of the machine may have risen while the test waited, so the bound is computed again each time.
    while not holds():
        assert time.monotonic() < began + stretched(seconds), "it did not come to pass"
        time.sleep(0.1)
