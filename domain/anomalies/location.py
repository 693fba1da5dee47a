"""A key is used from where it never was: a country, or a network where the country is not known."""

from collections.abc import Collection
from datetime import datetime, timedelta

from domain.anomalies.finding import Finding
from domain.anomalies.thresholds import Thresholds


def new_location(
    known: Collection[str], place: str, key_created_at: datetime, at: datetime, thresholds: Thresholds
) -> Finding | None:
    """`place`: two letters of a country (ISO 3166-1), or a network; `known`: those that the key was used from before.

    While a key is younger than the learning period, or was never used, every place is new and none is news.
    """
    if place in known or not known or at - key_created_at < timedelta(days=thresholds.location_learning_days):
        return None
    return Finding(
        rule="location",
        type="api_key.new_location",
        severity="warning",
        numbers={"place": place, "known_places": len(known), "learning_days": thresholds.location_learning_days},
    )
