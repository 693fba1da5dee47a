"""The checklist of a new organization: its steps, ticked from recorded facts, and POST /checklist/dismiss.

Until the first use is recorded, the overview shows it instead of figures and charts, which would all be empty.

A user who dismisses the checklist does so for themselves, in this browser: a cookie needs no event and no table. Its
name is that of one user, so that others who sign in to the same browser still see the checklist.
"""

from hashlib import sha256
from typing import NamedTuple

from app.api.organization.schemas import OrganizationUsage
from app.auth.sessions import cookies_of
from app.handlers import get_services, raw_request
from app.pages.page import Page
from app.pages.rendering import PageResponse, go_to
from app.pages.visit import Visit

_DISMISSED = "dismissed"
_DIGITS = 16


class Step(NamedTuple):
    """`path` is the page on which the user takes the step, if there is one."""

    text: str
    is_done: bool
    path: str = ""


def steps_of(usage: OrganizationUsage) -> list[Step]:
    """Return the steps of an organization without any use of a key."""
    return [
        Step("Register an MCP server", usage.mcps > 0, "/mcps/new"),
        Step("Create an API key", usage.api_keys > 0, "/keys/new"),
        Step("Make a call with the key", is_done=False, path="/keys" if usage.api_keys else ""),
        Step("See it here", is_done=False),
    ]


def may_be_shown(visit: Visit) -> bool:
    """Return whether the user can take the steps, and has not dismissed the checklist."""
    cookies = cookies_of(get_services(visit.request).config)
    dismissed = cookies.read(raw_request(visit.request), _cookie_of(visit)) == _DISMISSED
    return not dismissed and visit.can("keys:write") and visit.can("mcps:write")


@Page("POST", "/checklist/dismiss", access="people")
async def dismiss_checklist_form(visit: Visit) -> PageResponse:
    cookie = cookies_of(get_services(visit.request).config).keep(_cookie_of(visit), _DISMISSED)
    return go_to("/", {"Set-Cookie": cookie})


def _cookie_of(visit: Visit) -> str:
    """Return the name of the visitor's cookie. A digest, because cookies contain no personal data such as an id."""
    return f"checklist_{sha256(visit.person.user_id.encode()).hexdigest()[:_DIGITS]}"
