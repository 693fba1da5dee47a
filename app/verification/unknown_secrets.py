"""Limit on lookups of unknown foreign secrets, for each address.

A secret of this service has a checksum, so a mistyped one is refused without a lookup. A foreign secret has none: each
text that could be one costs a lookup in the database and a record in the log of uses. A proxy that sends its own
credentials, or a client that guesses, could cause any number of them. Therefore unknown ones count against the address
that presents them, and an address without allowance gets 429, which says nothing about the secret.

Many clients may share an address, and any of them could use up its allowance. Therefore a secret that was found
recently is looked up even then. Its digest is remembered only for that: whether the secret is accepted, the lookup
alone decides.

Each process counts separately and in memory: the limit protects the process and its database, and it is needed when
Valkey is down, too. Secrets that belong to a key cost nothing. What is in flight concurrently can exceed the limit.
"""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import NamedTuple

from app.http.errors import Problem
from domain.networks import client_network, site_network

_BUCKETS_MAX = 10_000
_FOUND_MAX = 20_000


class Allowance(NamedTuple):
    """`burst` unknown secrets are looked up immediately, and `per_second` more in each second."""

    burst: int
    per_second: float


PER_ADDRESS = Allowance(burst=300, per_second=5)
PER_SITE = Allowance(burst=3_000, per_second=50)
"""For a /48 network of IPv6. Its owner could use a different one of 65,536 /64 networks for each secret."""
PER_VERIFIER = Allowance(burst=3_000, per_second=100)
"""For all verifications that one key makes from one site. That key chooses the `ip` of the client freely."""


class Origin(NamedTuple):
    """An origin of a foreign secret. `verifier`: the digest of the key that asks about it; empty if there is none.

    Counting verifications by their key keeps one organization from using up the allowance of another one's clients.
    """

    verifier: bytes
    network: str
    allowance: Allowance


def sent_from(ip: str | None) -> tuple[Origin, ...]:
    """Return the origins of a secret that its holder sends from `ip`."""
    return _origins_of(b"", ip)


def verified_by(verifier: bytes, connection_ip: str | None, client_ip: str | None) -> tuple[Origin, ...]:
    """Return the origins of a secret in a verification: the caller's connection, and the client that it names."""
    network = site_network(connection_ip) or client_network(connection_ip)
    connection = Origin(verifier, f"connection {network}", PER_VERIFIER)
    return (connection,) if client_ip is None else (connection, *_origins_of(verifier, client_ip))


def _origins_of(verifier: bytes, ip: str | None) -> tuple[Origin, ...]:
    client, site = Origin(verifier, client_network(ip), PER_ADDRESS), site_network(ip)
    return (client, Origin(verifier, site, PER_SITE)) if site else (client,)


class UnknownSecrets:
    """The remaining allowances of the addresses that presented unknown secrets, those of the most recent ones only.

    The first origin of a secret says by whom it was found: what one verifier has found is not known to another one.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.found = 0
        """Lookups of foreign secrets that found a key. A counter, as are the next two."""
        self.unknown = 0
        self.refused = 0
        self._clock = clock
        self._full_at: OrderedDict[Origin, float] = OrderedDict()
        """When each bucket will be full again. A bucket that is not here is full."""
        self._found: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        """The verifiers and digests of the secrets that were found last, most recent ones at the end."""

    def wait_seconds(self, origins: tuple[Origin, ...], digest: bytes) -> int:
        """Return after how many seconds a lookup of the secret with this digest is possible; 0: now."""
        if (origins[0].verifier, digest) in self._found:
            return 0
        now = self._clock()
        wait = max(self._missing(origin, now) / origin.allowance.per_second for origin in origins)
        if wait <= 0:
            return 0
        self.refused += 1
        return max(1, ceil(wait))

    def count(self, origins: tuple[Origin, ...], digest: bytes, *, known: bool) -> None:
        """Count a lookup. One that found no key is charged to `origins`."""
        found = (origins[0].verifier, digest)
        self._found.pop(found, None)
        if known:
            self.found += 1
            self._found[found] = None
            if len(self._found) > _FOUND_MAX:
                self._found.popitem(last=False)
            return
        self.unknown += 1
        now = self._clock()
        for origin in origins:
            full_at = max(self._full_at.pop(origin, now), now)
            self._full_at[origin] = full_at + 1 / origin.allowance.per_second
        while len(self._full_at) > _BUCKETS_MAX:
            self._full_at.popitem(last=False)

    @property
    def size(self) -> tuple[int, int]:
        """Return the number of remembered addresses and networks, and of remembered secrets."""
        return len(self._full_at), len(self._found)

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
