"""POST /v1/organization/members/invite: invite a person. Only this response and the mail contain the link.

A new invitation to the same address replaces the earlier one.
"""

from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct
from psycopg.rows import TupleRow

from app.api import examples
from app.api.organization.members.schemas import AssignedRole
from app.api.organization.schemas import EmailAddress
from app.api.schemas import InviteId, Time
from app.auth.invitations import TOKEN_PREFIX, link_to
from app.auth.sessions import digest_of, new_secret
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.decider import ImpossibleHistory
from domain.fields import FieldErrors
from domain.invitations.commands import InviteMember, RevokeInvitation
from domain.invitations.decider import INVITATION, VALID_FOR
from domain.invitations.events import InvitationEvent
from domain.invitations.state import InvitationState, Open
from domain.members.email_address import EMAIL_LENGTH_MAX, check_email
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
    email: Annotated[str, Meta(description="The address to invite.", extra_json_schema={"maxLength": EMAIL_LENGTH_MAX})]
    role: AssignedRole


class SentInvitation(Struct, frozen=True):
    """An invitation with its link. Only this response contains the link."""

    invite_id: InviteId
    email: EmailAddress
    role: Role
    expires_at: Time
    invite_url: Annotated[
        str | None, Meta(description="Null in a replayed response.", extra_json_schema={"format": "password"})
    ]


class _Facts(NamedTuple):
    counts: MemberCounts
    waiting: Waiting


@Route(
    "POST",
    "/v1/organization/members/invite",
    access="members:write",
    tag="Members",
    summary="Invite a member",
    description="Only this response and a mail to the address contain the link. It works once, within seven days, as "
    "long as the inviting caller may assign the role. A new invitation to the same address replaces the earlier one. A "
    "key cannot assign more than it has: no role with a grant that it lacks, and no role at all if the key expires, is "
    "restricted to networks, or is a test key.",
    status=201,
    body_example={"email": "ada@example.com", "role": "member"},
    example=SentInvitation(
        invite_id=examples.INVITE_ID,
        email="ada@example.com",
        role="member",
        expires_at=examples.LATER,
        invite_url="https://keys.example.com/invitations/accept?token=ki_…",
    ),
    errors=("member_limit_reached", "already_exists"),
    has_revision=True,
    idempotent=True,
)
async def create_invitation(request: HttpRequest, body: Body) -> Success[SentInvitation]:
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
            counts=facts.counts,
            is_member=facts.waiting.is_member,
        )

    def replaced(facts: _Facts) -> list[RelatedCommand[Any, Any, Any]]:
        earlier = facts.waiting.invitation_id
        return [] if earlier is None else [RelatedCommand(INVITATION, earlier, RevokeInvitation(at, "replaced"))]

    def render(change: Change[InvitationState, InvitationEvent]) -> SentInvitation:
        if not isinstance(change.after, Open):
            raise ImpossibleHistory(change)
        invitation = change.after.invitation
        return SentInvitation(
            invite_id=invitation.id,
            email=body.email,
            role=invitation.role,
            expires_at=invitation.expires_at,
            invite_url=link,
        )

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
            mail_add(
                services.sealer,
                new_id("mail"),
                mail,
                at=at,
                expires_at=at + VALID_FOR,
                effect=invitation_id,
                organization_id=organization_id,
            ),
        ],
        render=render,
        secret_fields=("invite_url",),
    )
