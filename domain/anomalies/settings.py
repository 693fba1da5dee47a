"""Thresholds that an organization has set: entries of its settings whose names start with `anomalies.`.

`{"anomalies.volume_ratio": 5, "anomalies.location": false}` requires five times the usual volume and switches the
location rule off. Entries that are not set have the defaults of `Thresholds`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from domain.anomalies.thresholds import DEFAULTS, Thresholds

PREFIX = "anomalies."


class Range(NamedTuple):
    least: int
    most: int


RANGES: Mapping[str, Range] = {
    "volume_requests_min": Range(1, 1_000_000_000),
    "volume_ratio": Range(1, 10_000),
    "volume_deviations": Range(1, 1_000),
    "errors_requests_min": Range(1, 1_000_000_000),
    "errors_rate_min": Range(0, 1),
    "errors_ratio": Range(1, 10_000),
    "location_learning_days": Range(0, 365),
    "dormant_days": Range(1, 3_650),
    "denied_count": Range(2, 1_000_000_000),
    "revoked_secret_count": Range(2, 1_000_000_000),
    "denied_minutes": Range(1, 60),
    "unknown_keys": Range(2, 1_000_000_000),
    "cooldown_hours": Range(0, 720),
}
"""Accepted range of each number. All other thresholds are switches. The minimum of a burst is two refusals."""

_BURSTS = ("denied_count", "unknown_keys")
_SWITCHES = tuple(name for name in Thresholds.__struct_fields__ if name not in RANGES)
_WHOLE = frozenset(name for name in RANGES if isinstance(getattr(DEFAULTS, name), int))


def thresholds_of(settings: Mapping[str, object]) -> Thresholds:
    """Return the thresholds of an organization with these settings, which were validated when they were set."""
    given = {name.removeprefix(PREFIX): value for name, value in settings.items() if name.startswith(PREFIX)}
    # Settings of earlier versions may contain a burst of one. The current minimum is closest to that.
    given |= {name: RANGES[name].least for name in _BURSTS if given.get(name) == 1}
    known = {name: value for name, value in given.items() if problem_of(name, value) is None}
    return msgspec.structs.replace(DEFAULTS, **known)


def validate(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield one sentence for each problem of the settings that are thresholds."""
    for name, value in settings.items():
        if name.startswith(PREFIX):
            problem = problem_of(name.removeprefix(PREFIX), value)
            if problem is not None:
                yield f"{name} {problem}"


def problem_of(name: str, value: object) -> str | None:
    """Return the problem of one threshold, or None. `name` has no prefix."""
    if name in _SWITCHES:
        return None if isinstance(value, bool) else "must be true or false"
    if name not in RANGES:
        return f"is no threshold; there are {', '.join((*RANGES, *_SWITCHES))}"
    least, most = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        return f"must be a number from {least:g} to {most:g}"
    return "must be a whole number" if name in _WHOLE and not isinstance(value, int) else None
