"""GET and POST /invitations/accept: show an invitation, and accept it with a button."""

from litestar import get, post
from msgspec import Struct

from app.auth.invitations import accept_invitation
from app.auth.organization_names import organization_name
from app.auth.sessions import digest_of
from app.auth.sign_in import start_session
from app.auth.sign_in_throttle import SIGN_INS_PER_CLIENT, client_of, throttle
from app.handlers import HttpRequest, get_services, parse_query, raw_request
from app.pages.fields import fields_of
from app.pages.rendering import AS_PAGE, PageResponse, page
from app.pages.session.sign_in import signed_in
from domain.invitations.errors import InvitationNotFound, InvitationWithdrawn
from infrastructure.clock import now
from projections.read_models.invitations.list.queries import accepting, by_digest
from projections.records.sessions.queries import Person


class Token(Struct, frozen=True):
    token: str


@get("/invitations/accept", access="anyone", exception_handlers=AS_PAGE)
async def invitation_page(request: HttpRequest) -> PageResponse:
    services, token = get_services(request), parse_query(request, Token).token
    async with services.credential_lookup() as connection:
        found = await by_digest(connection, digest_of(token))
    if found is None:
        raise InvitationNotFound
    async with services.read_transaction(found.organization_id) as connection:
        invitation = await accepting(connection, found.invitation_id, now())
    if invitation is None or invitation.email is None:
        raise InvitationWithdrawn
    organization = await organization_name(services, found.organization_id)
    return page("invitation.html", organization=organization.name, role=invitation.role, token=token)


@post("/invitations/accept", access="anyone", status_code=200, exception_handlers=AS_PAGE)
async def accept(request: HttpRequest) -> PageResponse:
    services, inbound = get_services(request), raw_request(request)
    form = fields_of(request).to_struct(Token)
    await throttle(services, inbound, SIGN_INS_PER_CLIENT, client_of(inbound))
    accepted = await accept_invitation(services, inbound, form.token)
    person = Person(accepted.user_id, accepted.organization_id, accepted.role, revision=1)
    session = await start_session(services, inbound, person, "invitation")
    return signed_in(services, session.secret)
