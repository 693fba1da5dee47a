"""GET and POST /keys/identify: whose key is this? For a key that was found where it should not be.

With scripts, the browser sends only the SHA-256 of the key. Without them, a second form sends the key in the body of
the request, which no log contains.
"""

from datetime import datetime
from typing import NamedTuple

from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.identify import Identification, IdentifiedKey, identify_key
from app.pages.keys.heading import earlier_secrets
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from domain.secret import Flaw, digest, flaw_of, parse
from infrastructure.clock import now

FLAWS: dict[Flaw, str] = {
    "other": "This isn't a key. A key starts with pk_live_ or pk_test_ and has 40 characters.",
    "incomplete": "This isn't a complete key. A key has 40 characters. Copy all of them.",
    "long": "This is longer than a key. A key has 40 characters. Copy only those.",
    "mistyped": "A character of this key is wrong: its last six characters don't match the rest.",
}
"""The messages for a text that is no key, which the script shows too."""


class Found(NamedTuple):
    """The key of a secret. `ended`: the secret itself no longer works. `ends_at`: since when, or until when it does."""

    key: IdentifiedKey
    ended: bool
    ends_at: datetime | None


@Page("GET", "/keys/identify", access="keys:read")
async def key_identify_page(visit: Visit) -> PageResponse:
    return await _page(visit)


@Page("POST", "/keys/identify", access="keys:read")
async def key_identify_form(visit: Visit) -> PageResponse:
    sha256, text = visit.fields.one("sha256"), visit.fields.one("key").strip()
    secret = parse(text)
    if not sha256 and secret is None:
        return await _page(visit, errors={"key": FLAWS[flaw_of(text) or "other"]})
    body = {"sha256": sha256 if secret is None else digest(secret).hex()}
    identified = (await visit.change(identify_key, Identification, body)).data.key
    return await _page(visit, is_asked=True, found=None if identified is None else await _found(visit, identified))


async def _found(visit: Visit, identified: IdentifiedKey) -> Found:
    key = await visit.read(get_key, KeyDetail, key_id=identified.id)
    working = {secret.version for secret in (key.secrets[0], *earlier_secrets(key, now()))}
    # The secrets that ended first are not listed, so the time of their end is not known here.
    ends_at = next((each.valid_until for each in key.secrets if each.version == identified.secret_version), None)
    return Found(identified, identified.secret_version not in working, ends_at)


async def _page(
    visit: Visit, *, is_asked: bool = False, found: Found | None = None, errors: dict[str, str] | None = None
) -> PageResponse:
    return await visit.page(
        "keys/identify.html",
        status=422 if errors else 200,
        is_asked=is_asked,
        found=found,
        flaws=FLAWS,
        errors=errors or {},
        sees_all=visit.person.visible_keys.created_by is None,
    )
