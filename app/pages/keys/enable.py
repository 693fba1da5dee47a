"""GET and POST /keys/{key_id}/enable: accept a disabled key again."""

from app.api.api_keys.enable import enable_key
from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.schemas import Key
from app.pages.keys.heading import has_ended, heading_of, path_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now


@Page("GET", "/keys/{key_id}/enable", access="keys:write")
async def key_enable_page(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    if has_ended(key):
        return visit.go_to(path_of(key))
    return await visit.page("keys/enable.html", key=key, heading=heading_of(visit, key, now()))


@Page("POST", "/keys/{key_id}/enable", access="keys:write")
async def key_enable_form(visit: Visit, key_id: str) -> PageResponse:
    changed = await visit.change(enable_key, Key, key_id=key_id)
    return visit.go_to(f"/keys/{changed.data.id}", "key_enabled")
