"""The MCPs, keys and webhooks that exist and can be managed: no revoked and no expired keys."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from keyledger.cli.as_code.plan import NOUNS, Kind
from keyledger.cli.lists import per_page
from keyledger.clients import Keyledger
from keyledger.models.keys import ListedKey
from keyledger.models.mcps import ListedMcp
from keyledger.models.webhooks import Webhook

T = TypeVar("T")

_OVER = {"revoked", "expired"}


class Current(NamedTuple):
    """The objects by kind. A kind that was not read is empty."""

    mcps: Sequence[ListedMcp]
    keys: Sequence[ListedKey]
    webhooks: Sequence[Webhook]


def read_current(client: Keyledger, kinds: Iterable[Kind]) -> Current:
    """Read the objects of these kinds."""
    wanted, size = set(kinds), per_page(None)
    mcps = list(_counted("mcps", client.mcps.iterate(per_page=size))) if "mcps" in wanted else []
    keys = _counted("keys", client.keys.iterate(per_page=size)) if "keys" in wanted else iter(())
    manageable = [key for key in keys if key.status not in _OVER]
    webhooks = list(_counted("webhooks", client.webhooks.iterate(per_page=size))) if "webhooks" in wanted else []
    return Current(mcps, manageable, webhooks)


def _counted(kind: Kind, items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and show on a terminal how many there are so far."""
    if not sys.stderr.isatty():
        yield from items
        return
    number = 0
    try:
        for item in items:
            yield item
            number += 1
            if number % per_page(None) == 0:
                print(f"\r{number:,} {NOUNS[kind]}s", end="", file=sys.stderr, flush=True)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
