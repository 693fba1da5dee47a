"""Processor time of processes in nanoseconds, from Linux's scheduler.

`/proc/PID/stat` counts hundredths of a second, and `/proc/PID/task/*/schedstat` omits threads that have ended. A
process's own clock has neither fault.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_CHILDREN_USER, _CHILDREN_SYSTEM = 13, 14
"""Positions of cutime and cstime after the name of the program, from 0; see proc_pid_stat(5)."""


def descendants(pid: int) -> list[int]:
    """Return the children of a process, their children, and so on. A process that has ended has none."""
    listed: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                listed += (task / "children").read_text().split()
    return [each for child in map(int, listed) for each in [child, *descendants(child)]]


def tree_ms(pid: int) -> float:
    """Return the milliseconds that a process and all of its descendants have run since they started.

    Descendants that have ended are included: their time belongs to the parent that waited for them. PostgreSQL's
    postmaster, for example, waits for all backends. That part has a resolution of hundredths of a second.
    """
    while True:
        pids = [pid, *descendants(pid)]
        ms = sum(_running_ms(each) + _ended_children_ms(each) for each in pids)
        # If a process started or ended in between, its time may be missing or counted twice.
        if pids == [pid, *descendants(pid)]:
            return ms


def _running_ms(pid: int) -> float:
    """Return the time of a process and all of its threads, including the threads that have ended."""
    with suppress(OSError):
        # The id that clock_getcpuclockid(3) returns for another process.
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e6
    return 0.0


def _ended_children_ms(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[_CHILDREN_USER]) + int(fields[_CHILDREN_SYSTEM])) * 1_000 / _TICKS_PER_SECOND
    return 0.0
