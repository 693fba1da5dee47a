"""GET and POST /keys/{key_id}/disable: refuse a key until it is enabled again."""

from app.api.api_keys.disable import disable_key
from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.schemas import Key
from app.pages.keys.heading import has_ended, heading_of, path_of
from app.pages.keys.stale_forms import changed_key
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now


@Page("GET", "/keys/{key_id}/disable", access="keys:write")
async def key_disable_page(visit: Visit, key_id: str) -> PageResponse:
    return await _form_page(visit, await visit.read(get_key, KeyDetail, key_id=key_id))


@Page("POST", "/keys/{key_id}/disable", access="keys:write")
async def key_disable_form(visit: Visit, key_id: str) -> PageResponse:
    try:
        await visit.change(disable_key, Key, revision=visit.fields.one("revision"), key_id=key_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form is stale
        return await _form_page(visit, *await changed_key(visit, error, key_id))
    return visit.go_to(f"/keys/{key_id}", "key_disabled", key_id)


async def _form_page(visit: Visit, key: KeyDetail, change: str = "") -> PageResponse:
    """Return the form. `change`: the change of the key that came first, in a sentence."""
    if has_ended(key) or key.status == "disabled":
        return visit.go_to(path_of(key))
    return await visit.page(
        "keys/disable.html",
        status=412 if change else 200,
        key=key,
        heading=heading_of(visit, key, now()),
        change=change,
    )
