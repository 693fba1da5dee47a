"""The filters of the activity of all keys: parameters of the page, of its tail and of the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, field

from app.http.errors import invalid
from app.pages.activity_table import UNKNOWN_SERVER, reason_text
from app.pages.words import USES
from domain.usage.events import Action

PATH = "/activity"

OUTCOMES = {"success": "Accepted", "denied": "Refused", "error": "Error", "started": "Started"}

REASONS = (
    "unauthorized",
    "revoked_key",
    "expired_key",
    "disabled_key",
    "forbidden",
    "mcp_not_permitted",
    "tool_not_permitted",
    "environment_mismatch",
    "ip_not_permitted",
    "rate_limited",
    "quota_exceeded",
)
"""The reasons of refusals to choose from."""


class Filters(Struct, frozen=True, omit_defaults=True):
    """The filters of the page; an empty text filters nothing. Times are UTC, as `<input type=datetime-local>` has them.

    `after` is the place of a tail.
    """

    status: Literal["", "success", "denied", "error", "started"] = ""
    action: Literal[""] | Action = ""
    reason: str = ""
    mcp_id: str = ""
    tool: str = ""
    ip: str = ""
    since: str = field(default="", name="from")
    until: str = field(default="", name="to")
    cursor: str = ""
    after: str = ""

    def given(self) -> dict[str, str]:
        """Return the filters that are in effect, as they are in the address."""
        values: dict[str, str] = msgspec.to_builtins(self)
        return {name: value for name, value in values.items() if value.strip() and name not in {"cursor", "after"}}

    def to_api(self) -> dict[str, object]:
        """Return the parameters of the route. Raise 422 for a time that cannot be read."""
        given: dict[str, object] = {name: value.strip() for name, value in self.given().items()}
        for name, value in (("from", self.since), ("to", self.until)):
            if name in given:
                given[name] = _instant(name, value.strip())
        return given


class Applied(NamedTuple):
    """A filter that is in effect, with the address of the page without it."""

    text: str
    link: str


def applied(filters: Filters, servers: Mapping[str, str]) -> list[Applied]:
    """Return the filters in effect. `servers`: the names of MCP servers by id."""
    texts = {
        "status": f"Outcome: {OUTCOMES.get(filters.status, '')}",
        "action": f"Use: {USES.get(filters.action, '')}",
        "reason": f"Reason: {reason_text(filters.reason)}",
        "mcp_id": f"MCP server: {servers.get(filters.mcp_id, UNKNOWN_SERVER)}",
        "tool": f"Tool: {filters.tool}",
        "ip": f"Address: {filters.ip}",
        "from": f"From {filters.since.replace('T', ' ')} UTC",
        "to": f"Until {filters.until.replace('T', ' ')} UTC",
    }
    given = filters.given()
    return [Applied(text, link(PATH, {**given, name: ""})) for name, text in texts.items() if name in given]


def link(path: str, given: Mapping[str, str]) -> str:
    """Return an address with these parameters, without empty ones."""
    kept = {name: value for name, value in given.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def _instant(name: str, given: str) -> str:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise invalid({name: "Must be a date and a time, such as 2026-11-28T14:00"}) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
