"""The parameter `after` of activity: an event id, or a signed token with the place of a tail."""

import re
from datetime import datetime, timedelta

from app.api.schemas import id_pattern
from app.http.errors import invalid
from domain.usage.events import CALL_TIMEOUT_MS_MAX
from infrastructure.cursors import CursorInvalid, CursorSigner
from projections.log_queries.activity.filters import UseFilters
from projections.log_queries.activity.tail import Tail

UNKNOWN_ENTRY = "Must be the id of an entry in this list, or next_after of a previous response"

_COMMIT_SECONDS = 10
_EVENT_ID = re.compile(id_pattern("evt"))


def is_event_id(after: str) -> bool:
    return _EVENT_ID.match(after) is not None


def encode_tail(cursors: CursorSigner, tail: Tail, purpose: str) -> str:
    """Return the token. `purpose` names the list with its filters."""
    return cursors.encode(tail, purpose=f"{purpose} tail")


def decode_tail(cursors: CursorSigner, after: str, purpose: str) -> Tail:
    """Return the place of a tail. Raise 422 if the token belongs to another list."""
    try:
        return cursors.decode(after, Tail, purpose=f"{purpose} tail")
    except CursorInvalid:
        raise invalid(after=UNKNOWN_ENTRY) from None


def settled_before(at: datetime, filters: UseFilters, request_timeout_seconds: float) -> datetime:
    """Return the time before which no more matches can appear at the instant `at`.

    A batch is refused after the timeout of requests, and the database cancels its statement after two more of them, but
    not before five seconds. Only a commit that the database itself delays, such as one that waits for a standby, takes
    longer. A call that must have ended to match can appear until its own timeout.
    """
    seconds = max(_COMMIT_SECONDS, 4 * request_timeout_seconds)
    if filters.awaits_ends:
        seconds += CALL_TIMEOUT_MS_MAX / 1_000
    return at - timedelta(seconds=seconds)
