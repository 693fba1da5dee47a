"""POST /v1/organization/members/invite: invite a person. Only this response and the mail contain the link.

A new invitation to the same address replaces the earlier one.
"""

from typing import Any, NamedTuple

from litestar import post
from msgspec import Struct
from psycopg.rows import TupleRow

from app.auth.invitations import TOKEN_PREFIX, link_to
from app.auth.sessions import digest_of, new_secret
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.decider import ImpossibleHistory
from domain.fields import FieldErrors
from domain.invitations.commands import InviteMember, RevokeInvitation
from domain.invitations.decider import INVITATION, VALID_FOR
from domain.invitations.events import InvitationEvent
from domain.invitations.state import InvitationState, Open
from domain.members.email_address import check_email
from domain.members.events import Role
from domain.plans.plan import MemberCounts
from eventstore.execute import Change, LockAndQuery, RelatedCommand
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection
from projections.outboxes.mail.outbox import Mail, mail_add
from projections.read_models.invitations.list.queries import Waiting, address_put, addresses_forget, waiting_for
from projections.read_models.organizations.counts.queries import members_guard

_SUBJECT = "Invitation to Keyledger"
_TEXT = """You are invited to manage API keys with Keyledger. Open this link to join:

{link}

The link works once, within {days} days. If you did not expect this invitation, ignore this mail.
"""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    role: Role


class _Facts(NamedTuple):
    census: MemberCounts
    waiting: Waiting


@post("/v1/organization/members/invite", access="members:write", status_code=201)
async def invite_member(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    # Validate the address before it is used in a query: PostgreSQL rejects some texts.
    problems = FieldErrors()
    check_email(problems, body.email)
    problems.raise_if_any()
    caller, services = request.auth, get_services(request)
    organization_id = caller.organization_id
    invitation_id, at = new_id("invite"), now()
    token = new_secret(TOKEN_PREFIX)
    link = link_to(services.config, token)
    mail = Mail(to=body.email, subject=_SUBJECT, text=_TEXT.format(link=link, days=VALID_FOR.days))
    guard = members_guard(organization_id, services.plans)

    async def read(connection: Connection, row: TupleRow | None) -> _Facts:
        return _Facts(guard.facts(row), await waiting_for(connection, organization_id, body.email))

    def command(facts: _Facts) -> InviteMember:
        return InviteMember(
            invitation_id=invitation_id,
            organization_id=organization_id,
            email=body.email,
            role=body.role,
            token_digest=digest_of(token).hex(),
            at=at,
            by=caller.actor,
            authority=caller.authority,
            census=facts.census,
            is_member=facts.waiting.is_member,
        )

    def replaced(facts: _Facts) -> list[RelatedCommand[Any, Any, Any]]:
        earlier = facts.waiting.invitation_id
        return [] if earlier is None else [RelatedCommand(INVITATION, earlier, RevokeInvitation(at, "replaced"))]

    def render(change: Change[InvitationState, InvitationEvent]) -> dict[str, Any]:
        if not isinstance(change.after, Open):
            raise ImpossibleHistory(change)
        invitation = change.after.invitation
        return {
            "invite_id": invitation.id,
            "email": body.email,
            "role": invitation.role,
            "expires_at": invitation.expires_at,
        }

    return await run_command(
        request,
        INVITATION,
        invitation_id,
        command,
        guard=LockAndQuery(guard.statement, read),
        related_commands=replaced,
        extra_statements=lambda _: [
            addresses_forget(organization_id, at),
            address_put(invitation_id, organization_id, body.email),
            mail_add(services.sealer, new_id("mail"), mail, at=at, expires_at=at + VALID_FOR, effect=invitation_id),
        ],
        render=render,
        secret_fields={"invite_url": link},
        status=201,
    )
