"""Module that Python imports at startup if this folder is on its path. It shifts the clock of the process."""

import os
import time

_AHEAD_NS = round(float(os.environ.get("TEST_CLOCK_AHEAD_SECONDS", "0")) * 1_000_000_000)
_time_ns = time.time_ns

time.time_ns = lambda: _time_ns() + _AHEAD_NS
time.time = lambda: time.time_ns() / 1_000_000_000
