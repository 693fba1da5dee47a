"""Rules about refusals within minutes: of one key, of a secret that is no longer valid, and of unknown keys."""

from collections.abc import Mapping

from domain.anomalies.finding import Finding
from domain.anomalies.thresholds import Thresholds
from domain.usage.events import Code

_NO_LONGER_VALID: frozenset[Code] = frozenset({"revoked_key"})
_HARMLESS: frozenset[Code] = frozenset({"rate_limited", "quota_exceeded"})
"""Codes whose callers already know that they are too fast and what to do about it."""


def denied_burst(refused: Mapping[Code, int], thresholds: Thresholds) -> Finding | None:
    """Return a finding if one key was refused too often.

    `refused`: number of refusals of the key within the last `denied_minutes`, by reason.
    """
    counted = {code: count for code, count in refused.items() if code not in _HARMLESS}
    count = sum(counted.values())
    if count < thresholds.denied_count:
        return None
    reason = max(sorted(counted), key=lambda code: counted[code])
    return Finding(
        rule="denied",
        type="api_key.denied_burst",
        severity="warning",
        numbers={
            "denied": count,
            "most_frequent_reason": reason,
            "minutes": thresholds.denied_minutes,
            "limit": thresholds.denied_count,
        },
    )


def secret_over_used(refused: Mapping[Code, int], thresholds: Thresholds) -> Finding | None:
    """Return a finding if a revoked or replaced secret is still in use. A single use of it is no burst.

    `refused`: number of refusals of the key within the last `denied_minutes`, by reason.
    """
    count = sum(count for code, count in refused.items() if code in _NO_LONGER_VALID)
    if count < thresholds.revoked_secret_count:
        return None
    return Finding(
        rule="revoked_secret",
        type="api_key.denied_burst",
        severity="warning",
        numbers={
            "denied": count,
            "most_frequent_reason": "revoked_key",
            "minutes": thresholds.denied_minutes,
            "limit": thresholds.revoked_secret_count,
        },
    )


def unknown_keys(address: str, count: int, thresholds: Thresholds) -> Finding | None:
    """Return a finding if too many unknown keys were presented.

    `count`: number of presentations of unknown keys from one address within the last `denied_minutes`.
    """
    if count < thresholds.unknown_keys:
        return None
    return Finding(
        rule="unknown_keys",
        type="api_key.denied_burst",
        severity="critical",
        numbers={
            "denied": count,
            "most_frequent_reason": "unauthorized",
            "address": address,
            "minutes": thresholds.denied_minutes,
            "limit": thresholds.unknown_keys,
        },
    )
