"""DELETE /v1/organization: stop all keys and sessions of the organization. An operator can restore it for 30 days."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from psycopg.rows import TupleRow

from app.api import examples
from app.api.schemas import AlwaysTrue, OrganizationId, Time
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.decider import ImpossibleHistory
from domain.organizations.commands import DeleteOrganization
from domain.organizations.decider import ORGANIZATION, RESTORABLE_FOR
from domain.organizations.events import OrganizationEvent
from domain.organizations.state import Deleted, OrganizationState
from eventstore.execute import Change, LockAndQuery
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement
from projections.outboxes.mail.outbox import Mail, mail_add
from projections.read_models.members.list.queries import emails_of_managers
from projections.read_models.organizations.counts.queries import deletion_guard

_SUBJECT = "A Keyledger organization was deleted"
_TEXT = """The organization {name} was deleted by its owner on {deleted_at}.

Its keys and sessions stopped working immediately. The operator of {url} can restore the organization until
{restorable_until}. After that, its credentials, webhook secrets and email addresses are erased. The audit log stays.
"""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    confirm: Annotated[str, Meta(description="The slug of the organization, to confirm the deletion.")]


class DeletedOrganization(Struct, frozen=True):
    """A deleted organization. Its operator can restore it before `restorable_until`."""

    deleted: AlwaysTrue
    organization_id: OrganizationId
    restorable_until: Time


@Route(
    "DELETE",
    "/v1/organization",
    access="owner",
    tag="Organization",
    summary="Delete the organization",
    description="No key and no session of the organization works once this response is sent. Webhooks, alerts, mails "
    "and health checks stop. The owner and the admins are notified by mail. The operator of the service can restore "
    f"the organization for {RESTORABLE_FOR.days} days; its sessions stay ended. Afterwards credentials, webhook "
    "secrets and email addresses are erased, and the log stays.",
    body_example={"confirm": "acme"},
    example=DeletedOrganization(
        deleted=True, organization_id=examples.ORGANIZATION_ID, restorable_until=examples.LATER
    ),
    has_revision=True,
    if_match=True,
)
async def delete_organization(request: HttpRequest, body: Body) -> Success[DeletedOrganization]:
    caller, services = request.auth, get_services(request)
    organization_id, at = caller.organization_id, now()
    guard = deletion_guard(organization_id)
    recipients: dict[str, str] = {}

    async def read(connection: Connection, _: TupleRow | None) -> None:
        recipients.update(await emails_of_managers(connection, organization_id))

    def mails(change: Change[OrganizationState, OrganizationEvent]) -> list[Statement]:
        """Return the statements that notify the managers."""
        deleted = _deleted(change)
        text = _TEXT.format(
            name=deleted.organization.name,
            deleted_at=_shown(deleted.deleted_at),
            url=services.config.public_url,
            restorable_until=_shown(deleted.restorable_until),
        )
        return [
            mail_add(
                services.sealer,
                new_id("mail"),
                Mail(to=email, subject=_SUBJECT, text=text),
                at=at,
                expires_at=at + RESTORABLE_FOR,
                effect=f"organization.deleted {organization_id} {change.revision} {user_id}",
                organization_id=organization_id,
                is_about_deletion=True,
            )
            for user_id, email in recipients.items()
        ]

    return await run_command(
        request,
        ORGANIZATION,
        organization_id,
        DeleteOrganization(confirm=body.confirm, at=at),
        guard=LockAndQuery(guard.statement, read),
        extra_statements=mails,
        render=lambda change: DeletedOrganization(
            deleted=True, organization_id=organization_id, restorable_until=_deleted(change).restorable_until
        ),
    )


def _deleted(change: Change[OrganizationState, OrganizationEvent]) -> Deleted:
    if not isinstance(change.after, Deleted):
        raise ImpossibleHistory(change)
    return change.after


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
