"""GET and POST /keys/{key_id}/rotate: give a key a new secret, and see which of its secrets are still used.

The response to the form shows the secret, once, as for a new key.
"""

from asyncio import gather
from datetime import datetime
from secrets import token_urlsafe
from typing import NamedTuple

from app.api.activity.schemas import ActivityEntry
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.get import KeyDetail, KeySecret, get_key
from app.api.api_keys.rotate import RotatedKey, rotate_key
from app.http.errors import to_problem
from app.pages.keys.create import secret_page
from app.pages.keys.heading import earlier_secrets, has_ended, heading_of, path_of
from app.pages.keys.stale_forms import changed_key
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now
from projections.log_queries.activity.entries import USED

OVERLAPS = (
    ("0", "Not at all", "The old secret leaked. It is refused immediately."),
    ("3600", "1 hour", ""),
    ("86400", "24 hours", ""),
    ("604800", "7 days", ""),
    ("2592000", "30 days", ""),
)
_OVERLAP = "86400"


class UsedSecret(NamedTuple):
    """A secret that is still accepted, and its last use."""

    version: int
    valid_until: datetime | None
    last_used: datetime | None
    ip: str


@Page("GET", "/keys/{key_id}/rotate", access="keys:write")
async def key_rotate_page(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    return await rotate_page(visit, key)


@Page("POST", "/keys/{key_id}/rotate", access="keys:write")
async def key_rotate_form(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    overlap = visit.fields.one("overlap")
    if overlap not in [value for value, _, _ in OVERLAPS]:
        return await rotate_page(visit, key, {"overlap": "Choose how long the old secret keeps working."})
    try:
        rotated = await visit.change(
            rotate_key,
            RotatedKey,
            {"overlap_seconds": int(overlap)},
            visit.fields.one("revision"),
            idempotency_key=visit.fields.one("idempotency_key"),
            key_id=key_id,
        )
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        problem = to_problem(error)
        if problem.code == "validation_error":
            return await rotate_page(visit, key, {"overlap": str(next(iter(problem.details.values()), problem.detail))})
        if problem.code == "idempotency_mismatch":
            return await rotate_page(visit, key, {"overlap": "This form already rotated the key. Rotate it again?"})
        changed, change = await changed_key(visit, error, key_id)
        return await rotate_page(visit, changed, change=change)
    if rotated.data.key is None:
        return await visit.page("keys/created_before.html", key=rotated.data)
    changed = await visit.read(get_key, KeyDetail, key_id=key_id)
    return await secret_page(visit, rotated.data, rotated.data.key, changed.secrets[0].version)


async def rotate_page(
    visit: Visit, key: KeyDetail, errors: dict[str, str] | None = None, change: str = ""
) -> PageResponse:
    """Return the form. `change`: the change of the key that came before the submitted form, in a sentence."""
    if has_ended(key):
        return visit.go_to(path_of(key))
    at = now()
    earlier = earlier_secrets(key, at)
    used = await gather(*(_last_use(visit, key, secret) for secret in (earlier and [*earlier[::-1], key.secrets[0]])))
    return await visit.page(
        "keys/rotate.html",
        status=412 if change else 422 if errors else 200,
        key=key,
        change=change,
        heading=heading_of(visit, key, at),
        secrets=used,
        earlier=[secret.version for secret in reversed(earlier)],
        overlaps=OVERLAPS,
        chosen=visit.fields.one("overlap") or _OVERLAP,
        errors=errors or {},
        idempotency_key=token_urlsafe(),
    )


async def _last_use(visit: Visit, key: KeyDetail, secret: KeySecret) -> UsedSecret:
    """Return the secret with the address of its last accepted use."""
    query = {"type": USED, "secret_version": secret.version, "per_page": 10}
    uses = await visit.read_list(list_key_activity, ActivityEntry, query, key_id=key.id)
    accepted = next((use for use in uses.data if use.status != "denied"), None)
    if accepted is None:
        return UsedSecret(secret.version, secret.valid_until, secret.last_used, "")
    return UsedSecret(secret.version, secret.valid_until, accepted.timestamp, accepted.ip or "")
