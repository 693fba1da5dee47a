"""Forms that were opened before another change of the key: who made the change."""

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import ANY_CHANGE, list_key_activity
from app.api.api_keys.get import KeyDetail, get_key
from app.http.errors import to_problem
from app.pages.parts.activity_table import actor_of
from app.pages.visit import Visit
from app.pages.wording.text import relative
from infrastructure.clock import now


async def changed_key(visit: Visit, error: Exception, key_id: str) -> tuple[KeyDetail, str]:
    """Return the key as it is now, and a sentence about its last change. Raise `error` unless the form is stale."""
    if to_problem(error).code != "revision_mismatch":
        raise error
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    return key, await last_change(visit, key)


async def last_change(visit: Visit, key: KeyDetail) -> str:
    """Return who made the last change of the key, and when, in a sentence."""
    query = {"type": ANY_CHANGE, "per_page": 1}
    changes = await visit.read_list(list_key_activity, ActivityEntry, query, key_id=key.id)
    latest = changes.data[0]
    when = relative(latest.timestamp, now())
    return f"This key was changed {when} by {actor_of(latest)} (revision {latest.revision})."
