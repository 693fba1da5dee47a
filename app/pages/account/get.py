"""GET /account: show the signed-in user, their sessions and preferences, with forms to change them."""

from app.api.session.notifications import notifications_of
from app.api.sessions.delete import end_own
from app.api.sessions.delete_others import end_others
from app.api.sessions.list import own_sessions
from app.auth.organization_names import organization_name
from app.auth.sessions import cookies_of
from app.handlers import get_services, raw_request
from app.pages.account.notifications import LEVELS, shown
from app.pages.frame.shortcuts import shortcuts_cookie
from app.pages.frame.theme import theme_cookie, theme_named
from app.pages.page import Page
from app.pages.rendering import PageResponse, go_to
from app.pages.visit import Visit
from projections.read_models.members.list.queries import emails


@Page("GET", "/account", access="people")
async def account_page(visit: Visit) -> PageResponse:
    services, person = get_services(visit.request), visit.person
    organization = await organization_name(services, person.organization_id)
    async with services.read_transaction(person.organization_id) as connection:
        addresses = await emails(connection, [person.user_id])
    sessions = await own_sessions(services, person)
    return await visit.page(
        "account.html",
        row_ids=[each.session_id for each in sessions],
        user_id=person.user_id,
        email=addresses.get(person.user_id),
        role=person.role,
        organization=organization,
        sessions=sessions,
        session_id=person.session_id,
        mails=shown(await notifications_of(services, person), person),
        levels=LEVELS,
    )


@Page("POST", "/account/sign-out", access="people")
async def sign_out_form(visit: Visit) -> PageResponse:
    services, person = get_services(visit.request), visit.person
    await end_own(services, person, person.session_id, "signed_out", person.origin(raw_request(visit.request)))
    return go_to("/sign-in", {"Set-Cookie": cookies_of(services.config).expire("session")})


@Page("POST", "/account/sessions/end", access="people")
async def end_session_form(visit: Visit) -> PageResponse:
    services, person = get_services(visit.request), visit.person
    origin = person.origin(raw_request(visit.request))
    await end_own(services, person, visit.fields.one("session_id"), "ended_elsewhere", origin)
    return visit.go_to("/account", "session_ended", has_removed=True)


@Page("POST", "/account/sessions/end-others", access="people")
async def end_other_sessions_form(visit: Visit) -> PageResponse:
    await end_others(get_services(visit.request), visit.person, visit.person.origin(raw_request(visit.request)))
    return visit.go_to("/account", "sessions_ended", has_removed=True)


@Page("POST", "/account/theme", access="people")
async def theme_form(visit: Visit) -> PageResponse:
    cookie = theme_cookie(get_services(visit.request), theme_named(visit.fields.one("theme")))
    return go_to("/account", {"Set-Cookie": cookie})


@Page("POST", "/account/shortcuts", access="people")
async def shortcuts_form(visit: Visit) -> PageResponse:
    cookie = shortcuts_cookie(get_services(visit.request), on=visit.fields.one("shortcuts") != "off")
    return go_to("/account", {"Set-Cookie": cookie})
