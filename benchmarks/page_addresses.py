"""The addresses that `benchmarks.pages` requests: every page of the dashboard, and its filters and fragments.

Pages come from the list of the application, so that a new page is measured too, or stops the benchmark because it has
a parameter without an example.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from app.pages.page import Page
from app.routes import DASHBOARD

Kind = Literal["page", "fragment", "tail without news", "tail with 50 rows"]

_FRAGMENTS = {"/keys/{key_id}/first-use", "/activity/tail", "/keys/{key_id}/activity/tail"}
"""Pages that return a part of a page. They need parameters, and are among the variants."""


class Address(NamedTuple):
    """Addresses to request: `paths` take turns. With `form`, it is submitted."""

    name: str
    kind: Kind
    paths: Sequence[str]
    form: Mapping[str, str] | None = None


class Examples(NamedTuple):
    """Values of parameters. `after`: by list, where a tail begins that finds nothing, and one that finds 50 uses."""

    key_id: Sequence[str]
    mcp_id: Sequence[str]
    user_id: Sequence[str]
    alert_id: Sequence[str]
    webhook_id: Sequence[str]
    invite_id: Sequence[str]
    use_id: Sequence[str]
    change_id: Sequence[str]
    busiest_key_id: str
    disabled_key_id: str
    revoked_key_id: str
    old_use_id: str
    csrf_token: str
    after: Mapping[str, tuple[str, str]]


def addresses(examples: Examples) -> list[Address]:
    """Return every page that is shown with GET, and the variants and fragments of the larger ones."""
    pages = [_of_page(page, examples) for page in DASHBOARD if page.method == "GET" and page.path not in _FRAGMENTS]
    return [*pages, *_variants(examples), *_fragments(examples)]


def _of_page(page: Page, examples: Examples) -> Address:
    parameter = page.path.partition("{")[2].partition("}")[0]
    if not parameter:
        return Address(page.path, "page", [page.path])
    special: dict[str, Sequence[str]] = {
        "/activity/{event_id}": examples.use_id,
        "/audit/{event_id}": examples.change_id,
        "/keys/{key_id}/enable": [examples.disabled_key_id],
    }
    values = special[page.path] if page.path in special else getattr(examples, parameter)
    return Address(page.path, "page", [page.path.replace(f"{{{parameter}}}", value) for value in values])


def _variants(examples: Examples) -> list[Address]:
    mcp_id, member, busiest = examples.mcp_id[0], examples.user_id[0], examples.busiest_key_id
    few = examples.user_id[1]
    return [
        _page("keys: page 100", "/keys", page=100),
        _page("keys: by name", "/keys", sort="name"),
        _page("keys: by last use", "/keys", sort="last_used"),
        _page("keys: active", "/keys", status="active"),
        _page("keys: revoked", "/keys", status="revoked"),
        _page("keys: of one server", "/keys", mcp_id=mcp_id),
        _page("keys: by the creator of most", "/keys", created_by=member),
        _page("keys: by the creator of a few", "/keys", created_by=few),
        _page("keys: expiring in 14 days", "/keys", expiring_within_days=14),
        _page("keys: unused for 90 days", "/keys", unused_for_days=90, status="active"),
        _page("keys: search by name", "/keys", q="deploy-4"),
        _page("keys: search by prefix", "/keys", q="pk_live_4a"),
        _page("revoke many: of one server", "/keys/revoke", mcp_id=mcp_id),
        _page("revoke many: of one creator", "/keys/revoke", created_by=few),
        _page("a key: the busiest", f"/keys/{busiest}"),
        _page("a key: revoked", f"/keys/{examples.revoked_key_id}"),
        _page("a key: activity of the busiest", f"/keys/{busiest}/activity"),
        _page("a key: refused uses", f"/keys/{busiest}/activity", status="denied"),
        _page("a key: 30 days of use", f"/keys/{busiest}/usage", days=30),
        _page("a key: 90 days of use", f"/keys/{busiest}/usage", days=90),
        _page("activity: refused", "/activity", status="denied"),
        _page("activity: of one server", "/activity", mcp_id=mcp_id),
        _page("activity: by an address", "/activity", ip="198.51.100.7"),
        _page("activity: nothing found", "/activity", ip="203.0.113.9"),
        _page("activity: a use long ago", f"/activity/{examples.old_use_id}"),
        _page("usage: 7 days", "/usage", days=7),
        _page("usage: 30 days", "/usage", days=30),
        _page("usage: 90 days", "/usage", days=90),
        _page("servers: search", "/mcps", q="Server 1"),
        _page("alerts: all", "/alerts", status="all"),
        _page("audit: by type", "/audit", type="api_key.revoked"),
        _page("audit: by actor", "/audit", actor=few),
        _page("audit: of one key", "/audit", key_id=busiest),
        _page("audit: by address", "/audit", ip="192.0.2.7"),
        _page("audit: nothing found", "/audit", ip="203.0.113.9"),
    ]


def _page(name: str, path: str, **query: object) -> Address:
    return Address(name, "page", [f"{path}?{urlencode(query)}" if query else path])


def _fragments(examples: Examples) -> list[Address]:
    """Return what scripts request. A tail starts at the newest use, or at the fifty-first."""
    busiest = f"/keys/{examples.busiest_key_id}"
    form = {"csrf_token": examples.csrf_token, "environment": "live", "mcps": "selected"}
    form |= {f"access-{mcp_id}": "all" for mcp_id in examples.mcp_id}
    found = [
        Address("preview of permissions", "fragment", ["/keys/permissions/preview"], form),
        Address("first use of a key", "fragment", [f"{busiest}/first-use?until=0"]),
    ]
    for name, path in (("activity", "/activity/tail"), ("activity of a key", f"{busiest}/activity/tail")):
        newest, earlier = examples.after[name]
        found += [
            Address(f"tail of {name}, nothing new", "tail without news", [f"{path}?after={newest}"]),
            Address(f"tail of {name}, 50 rows", "tail with 50 rows", [f"{path}?after={earlier}"]),
        ]
    return found
