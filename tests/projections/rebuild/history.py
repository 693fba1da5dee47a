"""A varied history: keys in every state, members who join and leave, alerts, and uses of the keys."""

import random
from datetime import timedelta
from hashlib import sha256

from domain.actor import EXPIRY_ALERTS
from domain.alerts.expiry_stages import expiry_alert, latest_stage
from domain.invitations.commands import InviteMember, RevokeInvitation
from domain.invitations.decider import INVITATION
from domain.keys.delegation import UNRESTRICTED
from domain.members.commands import ChangeNotifications, RemoveMember
from domain.organizations.commands import DeleteOrganization, EraseOrganization, RestoreOrganization
from domain.organizations.decider import ORGANIZATION, RESTORABLE_FOR
from domain.plans.plan import MemberCounts
from domain.webhooks.commands import CreateWebhook, RotateWebhookSecret
from domain.webhooks.decider import WEBHOOK
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool
from projections.read_models.invitations.list.queries import address_put
from tests import seed
from tests.eventstore.changes import change_key, disabling, enabling, rename, revoke
from tests.projections.usage.uses import append, some_of_everything
from workers.raise_alert import raise_alert


async def change(pool: Pool, seed_number: int, keys: int = 4) -> list[str]:
    """Create two organizations with keys in every state and other resources, and three that were deleted.

    Return the ids of the keys.
    """
    dice = random.Random(seed_number)  # noqa: S311
    created: list[str] = []
    for _ in range(2):
        organization_id = await seed.organization(pool)
        for _ in range(keys):
            key_id, _ = await seed.key(pool, organization_id, by=seed.OWNER)
            created.append(key_id)
            await rename(pool, organization_id, key_id, f"Key {dice.randrange(100)}")
            match dice.randrange(4):
                case 0:
                    await change_key(pool, organization_id, key_id, disabling())
                case 1:
                    await change_key(pool, organization_id, key_id, disabling())
                    await change_key(pool, organization_id, key_id, enabling())
                case 2:
                    await revoke(pool, organization_id, key_id)
                case _:
                    pass
        await people(pool, organization_id)
        await seed.mcp(pool, organization_id)
        await expiring_keys(pool, organization_id)
        await webhook(pool, organization_id)
    await deleted_organizations(pool)
    return created


async def deleted_organizations(pool: Pool) -> None:
    """Create an organization that can be restored, one that was restored, and one that was erased."""
    at = now()
    for deleted_at, then in (
        (at, []),
        (at, [RestoreOrganization(at)]),
        (at - RESTORABLE_FOR, [EraseOrganization(at)]),
    ):
        organization_id = await seed.organization(pool)
        for command in (DeleteOrganization(seed.slug_of(organization_id), deleted_at), *then):
            await seed.execute_command(pool, ORGANIZATION, organization_id, organization_id, command)


async def webhook(pool: Pool, organization_id: str) -> None:
    webhook_id, at = new_id("hook"), now()
    create = CreateWebhook(
        webhook_id=webhook_id,
        organization_id=organization_id,
        kind="standard",
        url="https://example.com/hooks",
        events=("*",),
        at=at,
        by=seed.OWNER,
        others=0,
    )
    await seed.execute_command(pool, WEBHOOK, webhook_id, organization_id, create)
    await seed.execute_command(pool, WEBHOOK, webhook_id, organization_id, RotateWebhookSecret(at, overlap_seconds=60))


async def expiring_keys(pool: Pool, organization_id: str) -> None:
    """Create three keys: one whose first alert was raised today and whose next one is due later, as after 30 days
    without a worker; one that expires later; and one without a further alert.
    """
    at = now()
    for days_old, days_left in ((40, 10), (1, 100), (40, 0.5)):
        start, end = at - timedelta(days=days_old), at + timedelta(days=days_left)
        key_id, _ = await seed.key(pool, organization_id, at=start, expires_at=end)
        stage = latest_stage(end, at)
        if stage is not None:
            await raise_alert(pool, EXPIRY_ALERTS, expiry_alert(key_id, organization_id, end, stage, at))


async def people(pool: Pool, organization_id: str) -> None:
    """Add an owner with mail preferences, a removed member, and two invitations, one of them withdrawn."""
    owner = await seed.member(pool, organization_id, "owner")
    await seed.change_member(pool, organization_id, owner, ChangeNotifications(now(), threshold="critical"))
    removed = await seed.member(pool, organization_id, "viewer")
    await seed.change_member(pool, organization_id, removed, RemoveMember(now()))
    await _invited(pool, organization_id)
    withdrawn = await _invited(pool, organization_id)
    await seed.execute_command(pool, INVITATION, withdrawn, organization_id, RevokeInvitation(now()))


async def _invited(pool: Pool, organization_id: str) -> str:
    invitation_id, email = new_id("invite"), f"{new_id('user')}@example.com"
    command = InviteMember(
        invitation_id=invitation_id,
        organization_id=organization_id,
        email=email,
        role="member",
        token_digest=sha256(invitation_id.encode()).hexdigest(),
        at=now(),
        by=seed.OWNER,
        authority=UNRESTRICTED,
        counts=MemberCounts(used=0, limit=None, plan="team"),
        is_member=False,
    )
    await seed.execute_command(
        pool, INVITATION, invitation_id, organization_id, command, address_put(invitation_id, organization_id, email)
    )
    return invitation_id


async def use(
    connection: Connection, keys: list[str], seed_number: int, *, batches: int = 30, size: int = 20, lanes: int = 5
) -> None:
    """Write batches of uses in a few lanes, over two days."""
    dice = random.Random(seed_number)  # noqa: S311
    for number in range(batches):
        at = now() - timedelta(hours=dice.randrange(48))
        await append(connection, f"producer {number % lanes}", at, some_of_everything(dice, keys, at, size))
