"""Jobs of different durations for tests of the order in which a worker takes jobs."""

import time


def slow() -> None:
    time.sleep(0.4)


def quick() -> None:
    time.sleep(0.02)
