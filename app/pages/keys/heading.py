"""The beginning of all pages of one key: its name and status, what can be done with it, and its tabs."""

from datetime import datetime
from typing import Literal, NamedTuple

from app.api.api_keys.get import KeyDetail, KeySecret
from app.pages.keys.list import badge_of
from app.pages.visit import Visit

Tab = Literal["Overview", "Activity", "Usage", "Permissions", ""]

_TABS: tuple[tuple[Tab, str], ...] = (
    ("Overview", ""),
    ("Activity", "/activity"),
    ("Usage", "/usage"),
    ("Permissions", "/permissions"),
)


class Heading(NamedTuple):
    """`can_change`: the user may change keys, and this one has not ended."""

    badge: str
    tabs: list[tuple[str, str, bool]]
    can_change: bool
    can_revoke: bool


def heading_of(visit: Visit, key: KeyDetail, at: datetime, tab: Tab = "") -> Heading:
    """Return the heading of a page of `key`. The current tab is `tab`."""
    path, may_write = path_of(key), visit.can("keys:write")
    return Heading(
        badge=badge_of(key, at, is_rotating=bool(earlier_secrets(key, at))),
        tabs=[(title, path + suffix, title == tab) for title, suffix in _TABS],
        can_change=may_write and not has_ended(key),
        can_revoke=may_write and key.status != "revoked",
    )


def path_of(key: KeyDetail) -> str:
    return f"/keys/{key.id}"


def has_ended(key: KeyDetail) -> bool:
    return key.status in {"revoked", "expired"}


def earlier_secrets(key: KeyDetail, at: datetime) -> list[KeySecret]:
    """Return the secrets that are still accepted next to the current one, newest first."""
    if has_ended(key):
        return []
    return [secret for secret in key.secrets[1:] if secret.valid_until is not None and secret.valid_until > at]
