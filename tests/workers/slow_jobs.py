"""Jobs for tests of what a worker takes next: some take longer than their period."""

import time


def greedy() -> None:
    time.sleep(0.4)


def quick() -> None:
    time.sleep(0.02)
