"""POST /keys/{key_id}/end-secrets: end the earlier secrets of a rotated key now."""

from app.api.api_keys.end_secrets import end_secrets
from app.api.api_keys.schemas import Key
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("POST", "/keys/{key_id}/end-secrets", access="keys:write")
async def key_end_secrets_form(visit: Visit, key_id: str) -> PageResponse:
    changed = await visit.change(end_secrets, Key, key_id=key_id)
    return visit.go_to(f"/keys/{changed.data.id}", "secret_ended")
