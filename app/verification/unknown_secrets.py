"""Limit on lookups of unknown foreign secrets, for each address.

A secret of this service has a checksum, so a mistyped one is refused without a lookup. A foreign secret has none: each
text that could be one costs a lookup in the database and a record in the log of uses. A proxy that sends its own
credentials, or a client that guesses, could cause any number of them. Therefore unknown ones count against the address
that presents them, and an address without allowance gets 429, which says nothing about the secret.

Each process counts separately and in memory: the limit protects the process and its database, and it is needed when
Valkey is down, too. Secrets that belong to a key cost nothing. What is in flight concurrently can exceed the limit.
"""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import NamedTuple

from app.http.errors import Problem
from domain.networks import client_network

_BUCKETS_MAX = 10_000


class Allowance(NamedTuple):
    """`burst` unknown secrets are looked up immediately, and `per_second` more in each second."""

    burst: int
    per_second: float


PER_ADDRESS = Allowance(burst=300, per_second=5)
PER_VERIFIER = Allowance(burst=3_000, per_second=100)
"""For all verifications that one key makes from one address. That key chooses the `ip` of the client freely."""


class Origin(NamedTuple):
    """The origin of a foreign secret. `verifier`: the digest of the key that asks about it; empty if there is none.

    Counting verifications by their key keeps one organization from using up the allowance of another one's clients.
    """

    verifier: bytes
    client: str
    allowance: Allowance


def sent_from(ip: str | None) -> tuple[Origin, ...]:
    """Return the origin of a secret that its holder sends from `ip`."""
    return (Origin(b"", client_network(ip), PER_ADDRESS),)


def verified_by(verifier: bytes, connection_ip: str | None, client_ip: str | None) -> tuple[Origin, ...]:
    """Return the origins of a secret in a verification: the caller's connection, and the client that it names."""
    connection = Origin(verifier, f"connection {client_network(connection_ip)}", PER_VERIFIER)
    return (
        (connection,) if client_ip is None else (connection, Origin(verifier, client_network(client_ip), PER_ADDRESS))
    )


class UnknownSecrets:
    """The remaining allowances of the addresses that presented unknown secrets, those of the most recent ones only."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.found = 0
        """Lookups of foreign secrets that found a key. A counter, as are the next two."""
        self.unknown = 0
        self.refused = 0
        self._clock = clock
        self._full_at: OrderedDict[Origin, float] = OrderedDict()
        """When each bucket will be full again. A bucket that is not here is full."""

    def wait_seconds(self, origins: tuple[Origin, ...]) -> int:
        """Return after how many seconds a lookup is possible; 0: now."""
        now = self._clock()
        wait = max(self._missing(origin, now) / origin.allowance.per_second for origin in origins)
        if wait <= 0:
            return 0
        self.refused += 1
        return max(1, ceil(wait))

    def count(self, origins: tuple[Origin, ...], *, known: bool) -> None:
        """Count a lookup. One that found no key is charged to `origins`."""
        if known:
            self.found += 1
            return
        self.unknown += 1
        now = self._clock()
        for origin in origins:
            full_at = max(self._full_at.pop(origin, now), now)
            self._full_at[origin] = full_at + 1 / origin.allowance.per_second
        while len(self._full_at) > _BUCKETS_MAX:
            self._full_at.popitem(last=False)

    @property
    def size(self) -> int:
        """Return the number of addresses that are remembered."""
        return len(self._full_at)

    def _missing(self, origin: Origin, now: float) -> float:
        """Return how many tokens the bucket lacks for one lookup; negative or 0 if it lacks none."""
        full_at = self._full_at.get(origin, now)
        used = max(0.0, full_at - now) * origin.allowance.per_second
        # Without rounding, the sum of many intervals could be a little more than the burst.
        return round(used, 3) + 1 - origin.allowance.burst


def too_many_unknown(seconds: int) -> Problem:
    detail = (
        "Too many unknown secrets came from this address. Secrets in the format of this service are still accepted. "
        f"Retry in {seconds} seconds."
    )
    return Problem("rate_limited", detail, headers={"Retry-After": str(seconds)})
