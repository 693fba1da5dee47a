"""GET and POST /keys/revoke: revoke many keys, after a preview and a confirmation.

Only admins and the owner see this page: the grant `members:write` is theirs, and a member, who has `keys:write`, sees
only their own keys.

The keys are selected in the list or by criteria. The preview is the dry run of the API. To confirm, the user types what
the revocation does, with the number of keys, so nothing is revoked if the keys that match have changed since.
"""

from asyncio import gather
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from secrets import token_urlsafe
from typing import NamedTuple
from urllib.parse import parse_qsl

from app.api.api_keys.revoke_many import IDS_MAX, BriefKey, RevokedKeys, revoke_keys
from app.handlers import raw_request
from app.http.errors import Problem, to_problem
from app.pages.fields import Fields
from app.pages.keys.servers import named_servers, names_of
from app.pages.page import Page
from app.pages.parts.people import creator_name, member_names
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import plural
from app.pages.wording.words import DELETED_SERVER, REVOCATION_REASONS
from infrastructure.clock import now
from infrastructure.days import midnight

LABELS = {
    "created_by": "Created by",
    "mcp_id": "Can reach",
    "created_before": "Created before",
    "ids": "Selected keys",
    "reason": "Reason",
    "confirmation": "Confirmation",
}

_SHOWN_MAX = 100
_RECENT = timedelta(hours=24)
_CRITERIA = ("created_by", "mcp_id", "created_before")


class Preview(NamedTuple):
    """The keys that would be revoked, those in use first. `used_recently` is of the `listed` ones."""

    found: RevokedKeys
    keys: list[BriefKey]
    used_recently: int
    is_complete: bool

    @property
    def confirmation(self) -> str:
        return f"revoke {plural(self.found.matched, 'key')}"


@Page("GET", "/keys/revoke", access="members:write")
async def key_revoke_many_page(visit: Visit) -> PageResponse:
    fields = _query_fields(visit)
    if not _has_selectors(fields):
        return await _criteria_page(visit, fields)
    return await _preview_page(visit, fields)


@Page("POST", "/keys/revoke", access="members:write")
async def key_revoke_many_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    selectors, errors = _selectors(fields)
    if errors or not selectors:
        return await _criteria_page(visit, fields, errors)
    reason = fields.one("reason")
    if reason not in REVOCATION_REASONS:
        errors["reason"] = "Choose why the keys are revoked."
    preview = await _preview(visit, selectors)
    if not preview.found.matched:
        # The form was sent twice, or someone else revoked the keys in the meantime.
        return await _shown(visit, fields, preview)
    if " ".join(fields.one("confirmation").split()).lower() != preview.confirmation:
        errors["confirmation"] = f"Type “{preview.confirmation}” to confirm."
    if errors:
        return await _shown(visit, fields, preview, errors)
    done = await visit.change(
        revoke_keys,
        RevokedKeys,
        {**selectors, "reason": reason, "dry_run": False},
        idempotency_key=fields.one("idempotency_key"),
    )
    return await visit.page("keys/revoked_many.html", revoked=done.data, keys=done.data.keys[:_SHOWN_MAX])


def _query_fields(visit: Visit) -> Fields:
    """Return the query, in which `ids` repeats."""
    try:
        text = raw_request(visit.request).query.decode("ascii")
        return Fields(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=IDS_MAX))
    except ValueError:
        raise Problem("invalid_request", "The address cannot be read. Select the keys again.") from None


def _has_selectors(fields: Fields) -> bool:
    return any(fields.one(name).strip() for name in (*_CRITERIA, "ids"))


def _selectors(fields: Fields) -> tuple[dict[str, object], dict[str, str]]:
    """Return the selectors of the request, and a message for each field that cannot be read."""
    selectors: dict[str, object] = {}
    errors: dict[str, str] = {}
    ids = [key_id for key_id in dict.fromkeys(fields.all("ids")) if key_id]
    if ids:
        selectors["ids"] = ids
    for name in ("created_by", "mcp_id"):
        if value := fields.one(name).strip():
            selectors[name] = value
    if day := fields.one("created_before").strip():
        try:
            selectors["created_before"] = midnight(date.fromisoformat(day)).isoformat()
        except ValueError:
            errors["created_before"] = "Choose a day."
    if not selectors and not errors:
        errors["created_by"] = "Choose at least one criterion."
    return selectors, errors


async def _preview(visit: Visit, selectors: Mapping[str, object]) -> Preview:
    found = (await visit.change(revoke_keys, RevokedKeys, {**selectors, "reason": "unspecified", "dry_run": True})).data
    never = datetime.min.replace(tzinfo=UTC)
    keys = sorted(found.keys, key=lambda key: key.last_used or never, reverse=True)
    since = now() - _RECENT
    used = sum(1 for key in keys if key.last_used and key.last_used >= since)
    return Preview(found, keys[:_SHOWN_MAX], used, is_complete=len(keys) == found.matched)


async def _preview_page(visit: Visit, fields: Fields) -> PageResponse:
    selectors, errors = _selectors(fields)
    if errors:
        return await _criteria_page(visit, fields, errors)
    try:
        preview = await _preview(visit, selectors)
    except Exception as error:
        problem = to_problem(error)
        if problem.code != "validation_error":
            raise
        return await _criteria_page(visit, fields, {name: str(text) for name, text in problem.details.items()})
    return await _shown(visit, fields, preview)


async def _shown(
    visit: Visit, fields: Fields, preview: Preview, errors: Mapping[str, str] | None = None
) -> PageResponse:
    return await visit.page(
        "keys/revoke_many.html",
        status=422 if errors else 200,
        fields=fields,
        errors=errors or {},
        labels=LABELS,
        preview=preview,
        reasons=[(value, text, "") for value, text in REVOCATION_REASONS.items()],
        criteria=await _criteria_texts(visit, fields),
        selected=[(name, value) for name in (*_CRITERIA, "ids") for value in dict.fromkeys(fields.all(name)) if value],
        idempotency_key=fields.one("idempotency_key") or token_urlsafe(),
    )


async def _criteria_texts(visit: Visit, fields: Fields) -> list[str]:
    """Return the criteria in words."""
    texts: list[str] = []
    if creator := fields.one("created_by"):
        texts.append(f"Created by {await creator_name(visit, creator)}")
    if mcp_id := fields.one("mcp_id"):
        texts.append(f"Can reach {names_of(await named_servers(visit)).get(mcp_id, DELETED_SERVER)}")
    if day := fields.one("created_before"):
        texts.append(f"Created before {date.fromisoformat(day):%-d %b %Y}")
    if ids := [key_id for key_id in fields.all("ids") if key_id]:
        texts.append(f"{plural(len(set(ids)), 'key')} selected in the list")
    return texts


async def _criteria_page(visit: Visit, fields: Fields, errors: Mapping[str, str] | None = None) -> PageResponse:
    people, servers = await gather(member_names(visit), named_servers(visit))
    chosen = fields.one("created_by").strip()
    if chosen and chosen not in dict(people):
        people.append((chosen, await creator_name(visit, chosen)))
    return await visit.page(
        "keys/revoke_criteria.html",
        status=422 if errors else 200,
        fields=fields,
        errors=errors or {},
        labels=LABELS,
        people=[("", "Anyone"), *people],
        servers=[("", "Any server"), *((server.id, server.name) for server in servers)],
    )
