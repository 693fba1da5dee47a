"""Processes of ours on a machine whose clock is wrong."""

from pathlib import Path

FOLDER = Path(__file__).parent / "shifted_clock"


def ahead(seconds: float) -> dict[str, str]:
    """The environment of a process whose clock is so far ahead, or behind where `seconds` is negative."""
    return {"PYTHONPATH": str(FOLDER), "TEST_CLOCK_AHEAD_SECONDS": str(seconds)}
