"""Timeouts for tests.

A test only distinguishes a wait that ends from one that never ends; `benchmarks/` measures speed. So timeouts here are
generous and grow with the load of the machine.
"""

import os
import time
from collections.abc import Callable

from infrastructure.database.connections import Timeouts

GENEROUS_TIMEOUTS = Timeouts(connect=20, acquire=30, lock=30, statement=60, idle_in_transaction=60)
"""Database timeouts that a busy machine does not exceed."""

_SECONDS_MIN = 30.0


def stretched(seconds: float) -> float:
    """Return the timeout for an operation that takes up to `seconds` on an otherwise idle machine."""
    return max(_SECONDS_MIN, seconds * max(3.0, 3.0 * os.getloadavg()[0] / (os.cpu_count() or 1)))


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until `holds()` is true. Fail after `seconds`, or later on a busy machine."""
    began = time.monotonic()
    # The load of the machine may have risen while the test waited, so the timeout is computed again each time.
    while not holds():
        assert time.monotonic() < began + stretched(seconds), "the condition did not become true"
        time.sleep(0.1)
