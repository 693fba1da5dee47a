"""Rows of the table of activity: uses and changes of keys, in words."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from app.api.activity.schemas import ActivityEntry
from app.http.error_catalogue import ERRORS
from app.pages.wording.actors import actor_name
from app.pages.wording.words import DELETED_SERVER, KEY_EVENTS, REVOCATION_REASONS, USES
from projections.log_queries.activity.entries import USED

Tone = Literal["ok", "danger", "warn", "info", "muted"]


class Outcome(NamedTuple):
    """The words for an outcome. `glyph` shows it without its colour."""

    text: str
    tone: Tone
    glyph: str


OUTCOMES: Mapping[str, Outcome] = {
    "success": Outcome("Accepted", "ok", "●"),
    "denied": Outcome("Refused", "danger", "✕"),
    "error": Outcome("Error", "warn", "▲"),
    "started": Outcome("Started", "info", "◐"),
}
_CHANGE = Outcome("Change", "muted", "◆")


class ActivityRow(NamedTuple):
    """An entry with its words."""

    entry: ActivityEntry
    outcome: str
    tone: Tone
    glyph: str
    what: str
    server: str
    reason: str
    actor: str


def activity_rows(entries: Sequence[ActivityEntry]) -> list[ActivityRow]:
    """Return the rows of entries, in the same order."""
    return [_row(entry) for entry in entries]


def _row(entry: ActivityEntry) -> ActivityRow:
    if entry.event != USED:
        reason = REVOCATION_REASONS.get(entry.reason or "", "")
        return ActivityRow(entry, *_CHANGE, KEY_EVENTS.get(entry.event, entry.event), "", reason, actor_of(entry))
    what = USES[entry.action] if entry.action else ""
    server = entry.mcp_name or (DELETED_SERVER if entry.mcp_id else "")
    return ActivityRow(entry, *OUTCOMES[entry.status], what, server, reason_text(entry.reason or ""), "")


def actor_of(entry: ActivityEntry) -> str:
    """Return the name of the user or key that made a change."""
    return actor_name(entry.actor)


def reason_text(code: str) -> str:
    """Return the words for the reason of a refusal or an error."""
    known = ERRORS.get(code)
    return code if known is None else known.title
