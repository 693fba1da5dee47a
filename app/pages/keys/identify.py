"""GET and POST /keys/identify: whose key is this? For a key that was found where it should not be.

With scripts, the browser sends only the SHA-256 of the key. Without them, a second form sends the key in the body of
the request, which no log contains.
"""

from app.api.api_keys.identify import Identification, identify_key
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from domain.secret import digest, parse

_NOT_A_KEY = "This isn't a complete key. A key starts with pk_live_ or pk_test_ and has 40 characters."


@Page("GET", "/keys/identify", access="keys:read")
async def key_identify_page(visit: Visit) -> PageResponse:
    return await _page(visit)


@Page("POST", "/keys/identify", access="keys:read")
async def key_identify_form(visit: Visit) -> PageResponse:
    sha256, found = visit.fields.one("sha256"), parse(visit.fields.one("key").strip())
    if not sha256 and found is None:
        return await _page(visit, errors={"key": _NOT_A_KEY})
    body = {"sha256": sha256 if found is None else digest(found).hex()}
    return await _page(visit, (await visit.change(identify_key, Identification, body)).data)


async def _page(
    visit: Visit, identification: Identification | None = None, errors: dict[str, str] | None = None
) -> PageResponse:
    return await visit.page(
        "keys/identify.html",
        status=422 if errors else 200,
        identification=identification,
        errors=errors or {},
        sees_all=visit.person.visible_keys.created_by is None,
    )
