"""Management grants: the operations that a key may perform in addition to calling tools. A key has none by default."""

from typing import Literal, get_args

Grant = Literal[
    "keys:read",
    "keys:write",
    "keys:verify",
    "mcps:read",
    "mcps:write",
    "usage:read",
    "audit:read",
    "alerts:read",
    "alerts:write",
    "webhooks:read",
    "webhooks:write",
    "members:read",
    "members:write",
    "organization:read",
    "organization:write",
]

GRANTS: tuple[Grant, ...] = get_args(Grant)
