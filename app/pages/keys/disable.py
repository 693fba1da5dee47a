"""GET and POST /keys/{key_id}/disable and /enable: refuse a key until it is enabled, and accept it again."""

from typing import Literal

from app.api.api_keys.disable import disable_key
from app.api.api_keys.enable import enable_key
from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.schemas import Key
from app.pages.keys.heading import has_ended, heading_of, path_of
from app.pages.keys.stale_forms import changed_key
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now

Verb = Literal["disable", "enable"]


@Page("GET", "/keys/{key_id}/disable", access="keys:write")
async def key_disable_page(visit: Visit, key_id: str) -> PageResponse:
    return await _form_page(visit, "disable", await visit.read(get_key, KeyDetail, key_id=key_id))


@Page("POST", "/keys/{key_id}/disable", access="keys:write")
async def key_disable_form(visit: Visit, key_id: str) -> PageResponse:
    return await _change(visit, key_id, "disable")


@Page("GET", "/keys/{key_id}/enable", access="keys:write")
async def key_enable_page(visit: Visit, key_id: str) -> PageResponse:
    return await _form_page(visit, "enable", await visit.read(get_key, KeyDetail, key_id=key_id))


@Page("POST", "/keys/{key_id}/enable", access="keys:write")
async def key_enable_form(visit: Visit, key_id: str) -> PageResponse:
    return await _change(visit, key_id, "enable")


async def _change(visit: Visit, key_id: str, verb: Verb) -> PageResponse:
    route = disable_key if verb == "disable" else enable_key
    try:
        await visit.change(route, Key, revision=visit.fields.one("revision"), key_id=key_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form is stale
        return await _form_page(visit, verb, *await changed_key(visit, error, key_id))
    return visit.go_to(f"/keys/{key_id}", "key_disabled" if verb == "disable" else "key_enabled", key_id)


async def _form_page(visit: Visit, verb: Verb, key: KeyDetail, change: str = "") -> PageResponse:
    """Return the form. `change`: the change of the key that came first, in a sentence."""
    is_done = (key.status == "disabled") == (verb == "disable")
    if has_ended(key) or is_done:
        return visit.go_to(path_of(key))
    return await visit.page(
        f"keys/{verb}.html",
        status=412 if change else 200,
        key=key,
        heading=heading_of(visit, key, now()),
        change=change,
    )
