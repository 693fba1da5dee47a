"""Lanes, so that concurrent writers can append to one log that is still read in order.

Each lane has one head row that issues contiguous positions; see `events_append` in the migrations.
"""

from hashlib import sha256

LANES = 64


def lane_of(organization_id: str) -> int:
    """Return the lane of all lifecycle events of an organization, from 0.

    Never change it: the stored log depends on it.
    """
    return sha256(organization_id.encode("ascii")).digest()[0] % LANES
