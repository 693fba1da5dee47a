"""GET /activity/{event_id}: one use of a key, and why it was accepted or refused."""

from typing import NamedTuple

from app.api.activity.decision import Use
from app.api.activity.get import get_use
from app.pages.activity.rules import refusal_of, rule_rows
from app.pages.page import Page
from app.pages.parts.activity_table import ActivityRow, activity_rows, reason_text
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.actors import actor_name
from app.pages.wording.text import number
from app.pages.wording.words import ACTORS_WITHOUT_NAME, KEY_EVENTS


class Decider(NamedTuple):
    """The change of the key that decided."""

    change: str
    actor: str


@Page("GET", "/activity/{event_id}", access="audit:read")
async def decision_page(visit: Visit, event_id: str) -> PageResponse:
    use = await visit.read(get_use, Use, event_id=event_id)
    explanation = use.explanation
    (row,) = activity_rows([use])
    return await visit.page(
        "activity/get.html",
        use=use,
        row=row,
        because=_because(use, row),
        key_name="" if not use.key else use.key.name or "A key",
        verifier="" if not use.verified_by else use.verified_by.name or ACTORS_WITHOUT_NAME["api_key"],
        rules=rule_rows(use),
        decider=None
        if not explanation.decided_by
        else Decider(
            KEY_EVENTS.get(explanation.decided_by.event, explanation.decided_by.event),
            actor_name(explanation.decided_by.actor),
        ),
        now_refused="" if not explanation.now or explanation.now.code == "valid" else reason_text(explanation.now.code),
        call_error="" if not use.call or not use.call.error else reason_text(use.call.error),
    )


def _because(use: Use, row: ActivityRow) -> str:
    """Return the end of the sentence about the decision."""
    if use.status == "denied":
        return refusal_of(use)
    if not use.call:
        return "the call has no recorded end." if use.status == "started" else "every rule passed."
    latency = f"{number(use.call.latency_ms)} ms"
    if use.status == "error":
        return f"every rule passed, but the call failed after {latency}: {row.reason}."
    return f"every rule passed, and the call succeeded in {latency}."
