"""The rule about locations: a key is used from a new country, or from a new network if the country is unknown."""

from collections.abc import Collection
from datetime import datetime, timedelta

from domain.anomalies.finding import Finding
from domain.anomalies.thresholds import Thresholds


def new_location(
    known: Collection[str], place: str, key_created_at: datetime, at: datetime, thresholds: Thresholds
) -> Finding | None:
    """Return a finding if `place` is new for the key.

    `place`: a two-letter country code (ISO 3166-1) or a network. `known`: the locations of earlier uses. A key that is
    younger than the learning period or was never used has no findings, because every location would be new.
    """
    if place in known or not known or at - key_created_at < timedelta(days=thresholds.location_learning_days):
        return None
    return Finding(
        rule="location",
        type="api_key.new_location",
        severity="warning",
        numbers={"place": place, "known_places": len(known), "learning_days": thresholds.location_learning_days},
    )
