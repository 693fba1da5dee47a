"""Processes below a process."""

from contextlib import suppress
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Also those that another thread than the first one started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found += [int(word) for word in (task / "children").read_text().split()]
    return found
