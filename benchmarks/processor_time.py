"""Processor time of processes, from Linux's scheduler, which counts nanoseconds and not hundredths of a second."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return the children of a process, their children, and so on. A process that has ended has none."""
    listed: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in map(int, listed) for each in [child, *descendants(child)]]


def processor_ms(pids: Iterable[int]) -> float:
    """Return the milliseconds that all threads of these processes have run. A process that has ended counts as zero."""
    return sum(_nanoseconds(task) for pid in pids for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e6


def _nanoseconds(schedstat: Path) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(schedstat.read_text().split()[0])
    return 0
