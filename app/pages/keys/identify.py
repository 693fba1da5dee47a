"""GET and POST /keys/identify: whose key is this? For a key that was found where it should not be.

With scripts, the browser sends only the SHA-256 of the key. Without them, a second form sends the key in the body of
the request, which no log contains. A key that was found has a page of its own, whose address names the key and the
version of its secret. Showing that page again is no further identification.
"""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from msgspec import Struct

from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.identify import Identification, identify_key
from app.pages.keys.heading import earlier_secrets
from app.pages.keys.permission_text import Text, permission_text
from app.pages.keys.servers import named_servers, names_of
from app.pages.page import Page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from domain.refusal import NotFound
from domain.secret import Flaw, digest, flaw_of, parse, pasted, prefix_of
from infrastructure.clock import now

FLAWS: dict[Flaw, str] = {
    "other": "This isn't a key. A key starts with pk_live_ or pk_test_ and has 40 characters.",
    "incomplete": "This isn't a complete key. A key has 40 characters. Copy all of them.",
    "long": "This is longer than a key. A key has 40 characters. Copy only those.",
    "mistyped": "A character of this key is wrong: its last six characters don't match the rest.",
}
"""The messages for a text that is no key, which the script shows too."""


_PATH = "/keys/identify"


class Query(Struct, frozen=True):
    """A key that was found, and which of its secrets it was."""

    key: str = ""
    version: int = 0


class Found(NamedTuple):
    """The key of a secret. `ended`: the secret itself no longer works. `ends_at`: since when, or until when it does."""

    key: KeyDetail
    version: int
    is_current: bool
    ended: bool
    ends_at: datetime | None
    permission_text: tuple[Text, ...]


@Page("GET", _PATH, access="keys:read")
async def key_identify_page(visit: Visit) -> PageResponse:
    query = page_query(visit.request, Query)
    return await _page(visit, found=await _found(visit, query) if query.key else None)


@Page("POST", _PATH, access="keys:read")
async def key_identify_form(visit: Visit) -> PageResponse:
    sha256, text = visit.fields.one("sha256"), pasted(visit.fields.one("key"))
    secret = parse(text)
    if not sha256 and secret is None:
        flaw = flaw_of(text) or "other"
        return await _page(
            visit, errors={"key": FLAWS[flaw]}, beginning=prefix_of(text) if flaw == "incomplete" else None
        )
    body = {"sha256": sha256 if secret is None else digest(secret).hex()}
    identified = (await visit.change(identify_key, Identification, body)).data.key
    if identified is None:
        return await _page(visit, is_asked=True)
    return visit.go_to(f"{_PATH}?{urlencode({'key': identified.id, 'version': identified.secret_version})}")


async def _found(visit: Visit, query: Query) -> Found:
    """Return the key in the address. Raise `NotFound` if it has no secret of this version, or is hidden."""
    key = await visit.read(get_key, KeyDetail, key_id=query.key)
    if not 1 <= query.version <= key.secrets[0].version:
        raise NotFound
    working = {secret.version for secret in (key.secrets[0], *earlier_secrets(key, now()))}
    # The secrets that ended first are not listed, so the time of their end is not known here.
    ends_at = next((each.valid_until for each in key.secrets if each.version == query.version), None)
    return Found(
        key,
        query.version,
        is_current=query.version == key.secrets[0].version,
        ended=query.version not in working,
        ends_at=ends_at,
        permission_text=permission_text(key.permissions, names_of(await named_servers(visit)), key.environment),
    )


async def _page(
    visit: Visit,
    *,
    is_asked: bool = False,
    found: Found | None = None,
    errors: dict[str, str] | None = None,
    beginning: str | None = None,
) -> PageResponse:
    """Return the page. `beginning`: the first characters of a key that is not complete."""
    return await visit.page(
        "keys/identify.html",
        status=422 if errors else 200,
        is_asked=is_asked,
        found=found,
        flaws=FLAWS,
        errors=errors or {},
        beginning=beginning,
        sees_all=visit.person.visible_keys.created_by is None,
    )
