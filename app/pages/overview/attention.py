"""Overview: what needs attention, most severe first, and what could be tighter."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from app.api.alerts.schemas import Alert
from app.api.api_keys.schemas import Key
from app.api.mcps.schemas import Mcp
from app.pages.alerts.sentences import sentences_of
from app.pages.text import plural, relative

ITEMS_MAX = 8
EXPIRES_WITHIN_DAYS = 14
UNUSED_FOR_DAYS = 90

_USED_WITHIN = timedelta(days=7)

Severity = Literal["critical", "warning", "info"]
_ORDER: tuple[Severity, ...] = ("critical", "warning", "info")


class Item(NamedTuple):
    """Something to look at. `path` is the page on which it is resolved."""

    severity: Severity
    title: str
    detail: str
    path: str
    action: str


class Hint(NamedTuple):
    text: str
    path: str


def attention(alerts: Sequence[Alert], expiring: Sequence[Key], servers: Sequence[Mcp], at: datetime) -> list[Item]:
    """Return the items, at most `ITEMS_MAX`. Of `expiring` keys, only those that were used lately matter."""
    items = [
        *[_alert(alert) for alert in alerts],
        *[_unhealthy(server) for server in servers if server.status == "active" and server.health == "unhealthy"],
        *[_expiring(key, at) for key in expiring if key.last_used is not None and at - key.last_used <= _USED_WITHIN],
    ]
    return sorted(items, key=lambda item: _ORDER.index(item.severity))[:ITEMS_MAX]


def hints(unused: int) -> list[Hint]:
    """Return what could be tighter. `unused`: active keys that were not used for `UNUSED_FOR_DAYS`."""
    if not unused:
        return []
    path = f"/keys?status=active&unused_for_days={UNUSED_FOR_DAYS}"
    return [Hint(f"{plural(unused, 'active key')} unused for {UNUSED_FOR_DAYS} days", path)]


def _alert(alert: Alert) -> Item:
    text = sentences_of(alert)
    return Item(alert.severity, text.title, f"{text.subject} {text.happened}", f"/alerts/{alert.id}", "Open the alert")


def _unhealthy(server: Mcp) -> Item:
    detail = "Its latest health check failed."
    return Item("warning", f"{server.name} is unhealthy", detail, f"/activity?mcp_id={server.id}", "See its calls")


def _expiring(key: Key, at: datetime) -> Item:
    when = relative(key.expires_at, at) if key.expires_at else "soon"
    used = relative(key.last_used, at) if key.last_used else "never"
    detail = f"It expires {when} and was used {used}."
    return Item("warning", f"{key.name} expires soon", detail, f"/keys/{key.id}", "Open the key")
