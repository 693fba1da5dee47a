"""Key visibility in routes: a key that the caller cannot see is a 404. See `app/auth/visible_keys.py`."""

from msgspec.structs import replace

from app.auth.callers import Caller
from app.handlers import HttpRequest, get_services
from domain.keys.errors import KeyNotFound
from domain.keys.state import Existing
from projections.read_models.keys.list.filters import Filters
from projections.read_models.keys.state.queries import key_of


def require_visible(caller: Caller, state: Existing | None) -> Existing:
    """Return the key if it exists and the caller can see it. Raise 404 otherwise."""
    if state is None or not caller.visible_keys.includes(state.key):
        raise KeyNotFound
    return state


def restrict_to_visible(caller: Caller, filters: Filters) -> Filters:
    """Restrict `filters` to the keys that the caller can see."""
    visible = caller.visible_keys.created_by
    if visible is None:
        return filters
    # No id is empty, so a caller who filters by another creator gets an empty list.
    return replace(filters, created_by=visible if filters.created_by in {None, visible} else "")


async def ensure_visible(request: HttpRequest, key_id: str) -> None:
    """Raise 404 if the caller cannot see the key. A key's creator never changes, so this still holds at the commit."""
    caller = request.auth
    if caller.visible_keys.created_by is None:
        return
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        require_visible(caller, await key_of(connection, key_id, caller.organization_id))
