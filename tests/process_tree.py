"""The processes of a program."""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Return the children that any thread of the process started, or none if the process is gone."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(word) for word in (task / "children").read_text().split()]
    return found


def root_of(pids: Collection[int]) -> int:
    """Return the process whose parent is not one of `pids`. It need not have the lowest id, because ids wrap around."""
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) not in pids:
                return pid
    raise ProcessLookupError(f"None of the processes {sorted(pids)} is running")
