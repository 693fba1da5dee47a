"""How long a test waits for what was promised within some seconds."""

import os

from eventstore.database import Timeouts

PATIENT = Timeouts(connect=20, answer=30, lock=30, statement=60, idle_in_transaction=60)
"""A busy machine is no outage."""


def stretched(seconds: float) -> float:
    """These `seconds` are for a machine that does nothing else; in a suite on all cores others take their share.

    A test tells in time from never. What a quiet machine needs is measured in `benchmarks/`.
    """
    return seconds * max(3.0, 3.0 * os.getloadavg()[0] / (os.cpu_count() or 1))
