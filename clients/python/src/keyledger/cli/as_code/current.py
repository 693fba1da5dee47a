"""The MCPs, keys and webhooks that exist and can be managed: no revoked and no expired keys."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from keyledger.cli.as_code.plan import NOUNS, Kind
from keyledger.cli.lists import batches_of, per_page
from keyledger.cli.progress import counted
from keyledger.clients import Keyledger
from keyledger.models.keys import ListedKey
from keyledger.models.mcps import ListedMcp
from keyledger.models.webhooks import Webhook

T = TypeVar("T")

_ENDED = {"revoked", "expired"}


class Current(NamedTuple):
    """The objects by kind. A kind that was not read is empty."""

    mcps: Sequence[ListedMcp]
    keys: Sequence[ListedKey]
    webhooks: Sequence[Webhook]


def read_current(client: Keyledger, kinds: Iterable[Kind]) -> Current:
    """Read the objects of these kinds."""
    wanted, size = set(kinds), per_page(None)
    mcps = _read("mcps", client.mcps.iterate(per_page=size)) if "mcps" in wanted else []
    keys = _read("keys", client.keys.iterate(per_page=size)) if "keys" in wanted else []
    webhooks = _read("webhooks", client.webhooks.iterate(per_page=size)) if "webhooks" in wanted else []
    return Current(mcps, [key for key in keys if key.status not in _ENDED], webhooks)


def _read(kind: Kind, items: Iterable[T]) -> list[T]:
    return [item for batch in counted(batches_of(items), NOUNS[kind]) for item in batch]
