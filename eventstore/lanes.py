"""Lanes: how one log is written by many at once and still read in order.

Each lane has one head row that hands out contiguous positions; see `events_append` in the migrations.
"""

from hashlib import sha256

LANES = 64


def lane_of(organization_id: str) -> int:
    """The lane of all lifecycle events of an organization, from 0. A constant of the stored log: never change it."""
    return sha256(organization_id.encode("ascii")).digest()[0] % LANES
