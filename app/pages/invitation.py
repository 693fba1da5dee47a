"""GET and POST /invitations/accept: whoever was invited sees to what, and joins with a button."""

from litestar import get, post
from msgspec import Struct

from app.pages.rendering import AS_PAGE, PageResponse, page
from app.pages.sign_in import signed_in
from app.pages.visitors import form_of
from app.people.invitations import accept_invitation
from app.requests import HttpRequest, inbound_of, query_of, services_of
from app.security.attempts import SIGN_INS_PER_CLIENT, client_of, count
from app.security.organizations import named
from app.security.sessions import digest_of
from app.security.signing_in import start_session
from domain.invitations.errors import InvitationNotFound, InvitationWithdrawn
from eventstore.clock import now
from projections.invitation_list.queries import accepting, by_digest
from projections.sessions.queries import Person


class Token(Struct, frozen=True):
    token: str


@get("/invitations/accept", public=True, exception_handlers=AS_PAGE)
async def invitation_page(request: HttpRequest) -> PageResponse:
    services, token = services_of(request), query_of(request, Token).token
    async with services.at_the_gate() as connection:
        found = await by_digest(connection, digest_of(token))
    if found is None:
        raise InvitationNotFound
    async with services.reading(found.organization_id) as connection:
        invitation = await accepting(connection, found.invitation_id, now())
    if invitation is None or invitation.email is None:
        raise InvitationWithdrawn
    organization = await named(services, found.organization_id)
    return page("invitation.html", organization=organization.name, role=invitation.role, token=token)


@post("/invitations/accept", public=True, status_code=200, exception_handlers=AS_PAGE)
async def accept(request: HttpRequest) -> PageResponse:
    services, inbound = services_of(request), inbound_of(request)
    form = form_of(request, Token)
    await count(services, inbound, SIGN_INS_PER_CLIENT, client_of(inbound))
    accepted = await accept_invitation(services, inbound, form.token)
    person = Person(accepted.user_id, accepted.organization_id, accepted.role, revision=1)
    made = await start_session(services, inbound, person, "invitation")
    return signed_in(services, made.secret)
