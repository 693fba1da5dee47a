"""Processes whose clock is wrong."""

from pathlib import Path

FOLDER = Path(__file__).parent / "shifted_clock"


def ahead(seconds: float) -> dict[str, str]:
    """Return the environment of a process whose clock is `seconds` ahead, or behind if `seconds` is negative."""
    return {"PYTHONPATH": str(FOLDER), "TEST_CLOCK_AHEAD_SECONDS": str(seconds)}
