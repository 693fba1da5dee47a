"""Processes below a process."""

from contextlib import suppress
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Return those that it started, also from another thread than the first one; none if it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(word) for word in (task / "children").read_text().split()]
    return found
