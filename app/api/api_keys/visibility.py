"""The keys that a caller sees, as routes ask for them. Others do not exist: see `app/auth/visible_keys.py`."""

from msgspec.structs import replace

from app.auth.callers import Caller
from app.handlers import HttpRequest, get_services
from domain.keys.errors import KeyNotFound
from domain.keys.state import Existing
from projections.read_models.keys.list.filters import Filters
from projections.read_models.keys.state.queries import key_of


def require_visible(caller: Caller, state: Existing | None) -> Existing:
    """The key, if there is one that the caller sees; 404 otherwise."""
    if state is None or not caller.visible_keys.includes(state.key):
        raise KeyNotFound
    return state


def restrict_to_visible(caller: Caller, filters: Filters) -> Filters:
    """The same, as far as the caller sees keys."""
    visible = caller.visible_keys.created_by
    if visible is None:
        return filters
    # No id is empty: a caller that asks for the keys of someone else is shown none.
    return replace(filters, created_by=visible if filters.created_by in {None, visible} else "")


async def ensure_visible(request: HttpRequest, key_id: str) -> None:
    """404 where the caller does not see the key. Who made it never changes, so this holds at the commit too."""
    caller = request.auth
    if caller.visible_keys.created_by is None:
        return
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        require_visible(caller, await key_of(connection, key_id, caller.organization_id))
