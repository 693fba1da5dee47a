"""Overview: what needs attention, most severe first, and what could be tighter."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from app.api.alerts.schemas import Alert
from app.api.api_keys.list import ListedKey
from app.api.api_keys.review import NEVER_USED_DAYS, UNUSED_DAYS, KeyReview, ReviewedKeys
from app.api.mcps.schemas import Mcp
from app.pages.alerts.sentences import sentences_of
from app.pages.visit import Visit
from app.pages.wording.text import plural, relative

ITEMS_MAX = 8
EXPIRES_WITHIN_DAYS = 14
ROTATION_ENDS_WITHIN_DAYS = 1

_USED_WITHIN = timedelta(days=7)
_URGENT = timedelta(days=1)

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
    """Keys that could be tighter. `path` is the list of them."""

    text: str
    path: str


def attention(
    visit: Visit,
    alerts: Sequence[Alert],
    servers: Sequence[Mcp],
    rotating: Sequence[ListedKey],
    expiring: Sequence[ListedKey],
    at: datetime,
) -> list[Item]:
    """Return the items, at most `ITEMS_MAX`, most severe first.

    Of `expiring` and `rotating` keys, only those matter whose secret that ends was used lately.
    """
    may_write = visit.can("keys:write")
    items = [
        *[_alert(alert) for alert in alerts],
        *[_unhealthy(server, may_test=visit.can("mcps:write")) for server in servers],
        *[_rotating(key, at, may_write=may_write) for key in rotating if _is_recent(key.earlier_secret_last_used, at)],
        *[_expiring(key, at, may_write=may_write) for key in expiring if _is_recent(key.last_used, at)],
    ]
    return sorted(items, key=lambda item: _ORDER.index(item.severity))[:ITEMS_MAX]


def hints(review: KeyReview) -> list[Hint]:
    """Return what could be tighter. One key that can change keys from everywhere is normal; several need a reason."""
    found = [
        (review.never_expire, _keys(review.never_expire, "never expires", "never expire"), "expires=never"),
        (review.unused, f"{_keys(review.unused)} unused for {UNUSED_DAYS} days", f"unused_for_days={UNUSED_DAYS}"),
        (
            review.never_used,
            f"{_keys(review.never_used)} never used, {NEVER_USED_DAYS} days or more after creation",
            f"never_used_for_days={NEVER_USED_DAYS}",
        ),
        (review.all_mcps, f"{_keys(review.all_mcps, 'reaches', 'reach')} all MCP servers", "mcp_access=all"),
    ]
    shown = [Hint(text, f"/keys?status=active&{query}") for count, text, query in found if count.keys]
    if review.open_managers.keys > 1:
        text = f"{_keys(review.open_managers, '', 'can')} change keys, from any IP address"
        shown.append(Hint(text, "/keys?status=active&open_grant=keys%3Awrite"))
    return shown


def _keys(count: ReviewedKeys, singular: str = "", many: str = "") -> str:
    """Return the number of keys, and the verb that follows it."""
    number = f"{'' if count.exact else 'At least '}{plural(count.keys, 'active key')}"
    verb = singular if count.keys == 1 else many
    return f"{number} {verb}" if verb else number


def _is_recent(used: datetime | None, at: datetime) -> bool:
    return used is not None and at - used <= _USED_WITHIN


def _alert(alert: Alert) -> Item:
    text = sentences_of(alert)
    return Item(alert.severity, text.title, f"{text.subject} {text.happened}", f"/alerts/{alert.id}", "Open the alert")


def _unhealthy(server: Mcp, *, may_test: bool) -> Item:
    path = f"/mcps/{server.id}"
    where, action = (f"{path}/test", "Test the server") if may_test else (path, "Open the server")
    detail = "It failed its last call or test. Keys still reach it, and their calls fail."
    return Item("warning", f"{server.name} doesn't respond", detail, where, action)


def _rotating(key: ListedKey, at: datetime, *, may_write: bool) -> Item:
    until, used = key.rotating_until, key.earlier_secret_last_used
    ends = f"stops working {relative(until, at)}" if until else "stops working soon"
    detail = f"It {ends}" + (f" and was last used {relative(used, at)}." if used else ".")
    where, action = (f"/keys/{key.id}/rotate", "See who uses it") if may_write else (f"/keys/{key.id}", "Open the key")
    return Item("warning", f"The old secret of {key.name} is still in use", detail, where, action)


def _expiring(key: ListedKey, at: datetime, *, may_write: bool) -> Item:
    when = relative(key.expires_at, at) if key.expires_at else "soon"
    used = relative(key.last_used, at) if key.last_used else "never"
    is_urgent = key.expires_at is not None and key.expires_at - at <= _URGENT
    where, action = (f"/keys/{key.id}/edit", "Change the date") if may_write else (f"/keys/{key.id}", "Open the key")
    detail = f"It expires {when} and was used {used}."
    return Item("critical" if is_urgent else "warning", f"{key.name} expires soon", detail, where, action)
