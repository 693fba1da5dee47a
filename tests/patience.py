"""How long a test waits for what was promised within some seconds."""

import os
import time
from collections.abc import Callable

from eventstore.database import Timeouts

PATIENT = Timeouts(connect=20, answer=30, lock=30, statement=60, idle_in_transaction=60)
"""A busy machine is no outage."""


def stretched(seconds: float) -> float:
    """These `seconds` are for a machine that does nothing else; in a suite on all cores others take their share.

    A test tells in time from never. What a quiet machine needs is measured in `benchmarks/`.
    """
    return seconds * max(3.0, 3.0 * os.getloadavg()[0] / (os.cpu_count() or 1))


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until it `holds`; fails after `seconds`, or later on a busy machine."""
    deadline = time.monotonic() + stretched(seconds)
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)
