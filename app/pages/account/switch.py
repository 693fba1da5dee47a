"""GET /account/switch: sign in to another organization of the same address.

A session belongs to one organization and starts no session in another one. The user proves the address again, with a
link or at the OpenID provider, and then chooses the organization, as in any sign-in. If a session were enough:

* Ending all sessions in an organization would not lock out a thief who has a session in another one.
* An inviter, who sees the link of an invitation, could accept it and switch to the other organizations of the address.
"""

from app.api.session.get import get_current_session
from app.api.session.schemas import SignedIn
from app.handlers import get_services
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/account/switch", access="people")
async def switch_page(visit: Visit) -> PageResponse:
    session = await visit.read(get_current_session, SignedIn)
    openid = get_services(visit.request).openid
    return await visit.page("switch.html", email=session.user.email, openid=None if openid is None else openid.name)
