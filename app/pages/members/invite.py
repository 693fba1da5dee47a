"""GET and POST /members/invite: invite a person. The response to the form also shows the link, once."""

from secrets import token_urlsafe

from app.api.organization.invitations.create import SentInvitation, create_invitation
from app.pages.fields import Fields
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

LABELS = {"email": "Email address", "role": "Role"}


@Page("GET", "/members/invite", access="members:write")
async def member_invite_page(visit: Visit) -> PageResponse:
    return await _form_page(visit, Fields([("role", "member")]))


@Page("POST", "/members/invite", access="members:write")
async def member_invite_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    body = {"email": fields.one("email").strip(), "role": fields.one("role")}
    try:
        sent = await visit.change(
            create_invitation, SentInvitation, body, idempotency_key=fields.one("idempotency_key")
        )
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, fields, await refusal_of(visit, error, LABELS))
    return await visit.page(f"members/invited{'' if sent.data.invite_url else '_before'}.html", invitation=sent.data)


async def _form_page(visit: Visit, fields: Fields, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "members/invite.html",
        status=refusal.status,
        fields=fields,
        labels=LABELS,
        refusal=refusal,
        idempotency_key=token_urlsafe(),
    )
