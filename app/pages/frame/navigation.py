"""The sidebar: the pages that a role may open, in the order in which they are shown."""

from collections.abc import Mapping
from typing import NamedTuple

from app.auth.authorization import Access
from app.auth.callers import PersonCaller
from domain.grants import GRANTS


class Entry(NamedTuple):
    """`icon` names a symbol in `templates/parts/icons.html`. A page is below an entry if its path starts with it."""

    title: str
    path: str
    icon: str
    access: Access
    group: int = 0


ENTRIES = (
    Entry("Overview", "/", "overview", "people"),
    Entry("API Keys", "/keys", "key", "keys:read"),
    Entry("Activity", "/activity", "activity", "audit:read"),
    Entry("Usage", "/usage", "usage", "usage:read"),
    Entry("MCP servers", "/mcps", "server", "mcps:read"),
    Entry("Alerts", "/alerts", "alert", "alerts:read"),
    Entry("Audit log", "/audit", "audit", "audit:read", group=1),
    Entry("Webhooks", "/webhooks", "webhook", "webhooks:read", group=1),
    Entry("Members", "/members", "members", "members:read", group=1),
    Entry("Settings", "/settings", "settings", "organization:read", group=1),
)


class Link(NamedTuple):
    title: str
    path: str
    icon: str
    group: int
    is_current: bool
    open_count: int = 0


def links_of(person: PersonCaller, path: str, open_counts: Mapping[str, int] | None = None) -> list[Link]:
    """Return the entries for this role. The current one is the entry that `path` belongs to.

    `open_counts`: how many items wait for attention, by the path of the entry.
    """
    counts = open_counts or {}
    return [
        Link(each.title, each.path, each.icon, each.group, _includes(each.path, path), counts.get(each.path, 0))
        for each in ENTRIES
        if each.access not in GRANTS or each.access in person.grants
    ]


def _includes(entry: str, path: str) -> bool:
    return path == entry or (entry != "/" and path.startswith(entry + "/"))
