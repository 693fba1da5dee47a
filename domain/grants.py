"""Management grants: what a key may manage besides calling tools. None by default."""

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
