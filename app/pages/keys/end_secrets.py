"""POST /keys/{key_id}/end-secrets: end the earlier secrets of a rotated key now."""

from app.api.api_keys.end_secrets import end_secrets
from app.api.api_keys.schemas import Key
from app.pages.keys.rotate import rotate_page
from app.pages.keys.stale_forms import changed_key
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("POST", "/keys/{key_id}/end-secrets", access="keys:write")
async def key_end_secrets_form(visit: Visit, key_id: str) -> PageResponse:
    try:
        await visit.change(end_secrets, Key, revision=visit.fields.one("revision"), key_id=key_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form is stale
        key, change = await changed_key(visit, error, key_id)
        return await rotate_page(visit, key, change=change)
    return visit.go_to(f"/keys/{key_id}", "secret_ended", key_id)
