"""Numbers, durations and times in the texts of charts."""

from datetime import UTC, datetime


def grouped(number: float) -> str:
    """Return the number without decimals, its digits in groups of three: 12,345."""
    return f"{number:,.0f}"


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: "1 request", "1,204 requests", "No requests"."""
    if number == 0:
        return f"No {noun}s"
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def percent(fraction: float) -> str:
    """Return the fraction as a percentage with one decimal: 0.0123 as 1.2%."""
    return f"{100 * fraction:.1f}%"


def milliseconds(duration: float) -> str:
    return f"{grouped(duration)} ms"


def day_of(time: datetime) -> str:
    return f"{time.day} {time:%b}"


def clock_of(time: datetime) -> str:
    """Return the time of day to the second, with its zone: 21:39:01 UTC."""
    return f"{time.astimezone(UTC):%H:%M:%S} UTC"


def listed(parts: list[str]) -> str:
    """Join the parts as a list in a sentence: "a, b and c"."""
    *head, last = parts
    return f"{', '.join(head)} and {last}" if head else last
