"""Jobs leave a deleted organization alone until it is restored, and erase it after 30 days."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from freezegun import freeze_time
from msgspec.structs import replace
from structlog.testing import capture_logs

from domain.actor import EXPIRY_ALERTS, SystemActor
from domain.alerts.commands import RaiseAlert
from domain.alerts.expiry_stages import expiry_alert, latest_stage
from domain.keys.commands import DisableKey
from domain.organizations.errors import OrganizationIsErased
from domain.organizations.events import OrganizationErased
from domain.plans.overrides import apply_overrides
from eventstore.check import check
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from eventstore.recorded import Recorded
from gateway.mcp_target import store_credential
from gateway.upstream import Bearer
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool
from infrastructure.encryption import Sealer
from infrastructure.setting_values import Smtp
from infrastructure.settings import Settings
from projections.outboxes.alert_mail.queries import due as notices_due
from projections.outboxes.mail.outbox import Mail, mail_add
from projections.outboxes.webhooks.queries import outbox_state, waiting
from projections.read_models.mcps.health.queries import claim
from projections.registry import INLINE_CHECKS
from tests import seed
from tests.eventstore.changes import change_key
from tests.projections.rebuild.history import people
from tests.projections.usage.uses import append, used
from tests.workers.deletions import delete_organization, restore_organization
from tests.workers.hooks import CONFIG as HOOKS_CONFIG
from tests.workers.hooks import webhook
from tests.workers.killed_at_steps import StepProxy, killed_at, step_proxy
from tests.workers.mail_server import mail_server
from tests.workers.receiver import receiver
from workers.jobs import deliver_mail, deliver_webhooks, erase_organizations, raise_expiry_alerts, raise_quota_alerts
from workers.jobs.erase_organizations import erase
from workers.jobs.expire_keys import expire
from workers.jobs.retire_secrets import retire
from workers.jobs.run_lifecycle_projections import prepare
from workers.raise_alert import raise_alert

pytestmark = pytest.mark.anyio

CONFIG = Settings(master_keys=(bytes(32),), mail_from="keys@example.org")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STEPS_MIN, STEPS_MAX = 10, 200
SETTINGS = {"REDIS_URL": "unix:///nowhere"}

SECRET_TABLES = ("mcp_credentials", "webhook_secrets", "users", "invitation_addresses", "mail_outbox")
"""The tables with secrets and addresses of an organization."""


@pytest.fixture
async def organization_id(connections: Pool) -> str:
    return await seed.organization(connections)


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[StepProxy]:
    async with step_proxy(database_url) as opened:
        yield opened


async def log_of(pool: Pool, organization_id: str) -> list[Recorded[Any]]:
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    return [each for each in recorded if each.record.organization_id == organization_id]


async def types_of(pool: Pool, organization_id: str) -> list[str]:
    return [each.record.type for each in await log_of(pool, organization_id)]


async def stored(pool: Pool, organization_id: str) -> dict[str, int]:
    """Return how many secrets and addresses of the organization are stored, by table."""
    counts: dict[str, int] = {}
    async with pool.connection() as connection:
        for table in SECRET_TABLES:
            query = f"select count(*) from {table} where organization_id = %s".encode()  # noqa: S608 -- a constant
            row = await (await connection.execute(query, (organization_id,))).fetchone()
            counts[table] = row[0] if row else 0
    return counts


async def fill(pool: Pool, organization_id: str) -> None:
    """Store secrets and addresses of every kind."""
    sealer = Sealer(CONFIG.master_keys)
    mcp_id = new_id("mcp")
    credential = store_credential(sealer, Bearer("upstream-" + "token"), mcp_id, organization_id)
    await seed.mcp(pool, organization_id, credential, mcp_id=mcp_id, auth_type="bearer")
    with receiver() as target:
        await webhook(pool, organization_id, target, "*")
    await people(pool, organization_id)
    await put_mail(pool, organization_id)


async def put_mail(
    pool: Pool, organization_id: str, valid_for: timedelta = DAY, *, is_about_deletion: bool = False
) -> str:
    mail_id, at = new_id("mail"), now()
    mail = Mail(to="ada@example.com", subject="About Acme", text="Something happened.\n")
    sealer = Sealer(CONFIG.master_keys)
    add = mail_add(
        sealer,
        mail_id,
        mail,
        at=at,
        expires_at=at + valid_for,
        organization_id=organization_id,
        is_about_deletion=is_about_deletion,
    )
    async with pool.connection() as connection:
        await connection.execute(*add)
    return mail_id


def expiring(key_id: str, organization_id: str) -> RaiseAlert:
    """Return the alert about a key that expires in five days."""
    at = now()
    stage = latest_stage(at + 5 * DAY, at)
    assert stage is not None
    return expiry_alert(key_id, organization_id, at + 5 * DAY, stage, at)


async def test_keys_do_not_expire_and_secrets_do_not_retire_until_the_restoration(
    connections: Pool, organization_id: str
) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        key_id, _ = await seed.key(connections, organization_id, expires_at=now() + HOUR)
        await delete_organization(connections, organization_id)
        clock.tick(2 * HOUR)
        await expire(connections, CONFIG)
        await retire(connections, CONFIG)
        assert (await types_of(connections, organization_id))[-1] == "organization.deleted"
        await restore_organization(connections, organization_id)
        await expire(connections, CONFIG)
        last = (await log_of(connections, organization_id))[-1]
        assert (last.record.stream_id, last.record.type) == (key_id, "api_key.expired")


async def test_no_alert_is_raised_until_the_restoration(connections: Pool, organization_id: str) -> None:
    quota = replace(CONFIG, plans=apply_overrides('{"team": {"monthly_requests": 100}}'))
    at = now()
    await seed.key(connections, organization_id, at=at - 40 * DAY, expires_at=at + 10 * DAY)
    uses = [used("key_a", at, organization_id=organization_id, billed=True) for _ in range(85)]
    async with connections.connection() as connection:
        await append(connection, "p", at, uses)
    await delete_organization(connections, organization_id)
    await raise_expiry_alerts.warn(connections, CONFIG)
    await raise_quota_alerts.warn(connections, quota)
    assert "alert.raised" not in await types_of(connections, organization_id)
    await restore_organization(connections, organization_id)
    await raise_expiry_alerts.warn(connections, CONFIG)
    await raise_quota_alerts.warn(connections, quota)
    assert (await types_of(connections, organization_id)).count("alert.raised") == 2


async def test_an_alert_of_a_job_that_was_late_is_refused_quietly(connections: Pool, organization_id: str) -> None:
    """The job found the alert before the deletion, and raises it afterwards."""
    key_id, _ = await seed.key(connections, organization_id, expires_at=now() + 5 * DAY)
    await delete_organization(connections, organization_id)
    assert not await raise_alert(connections, EXPIRY_ALERTS, expiring(key_id, organization_id))
    assert (await types_of(connections, organization_id))[-1] == "organization.deleted"


async def test_alert_mails_wait_for_the_restoration(connections: Pool, organization_id: str) -> None:
    at = now()
    owner = await seed.member(connections, organization_id, "owner")
    key_id, _ = await seed.key(connections, organization_id, expires_at=at + 5 * DAY)
    assert await raise_alert(connections, EXPIRY_ALERTS, expiring(key_id, organization_id))
    await delete_organization(connections, organization_id)
    await prepare(connections)
    async with connections.connection() as connection:
        assert owner not in await notices_due(connection, "", at, 1_000)
    await restore_organization(connections, organization_id)
    async with connections.connection() as connection:
        assert owner in await notices_due(connection, "", at, 1_000)


async def test_webhook_messages_wait_for_the_restoration_and_are_not_late(
    connections: Pool, organization_id: str
) -> None:
    with receiver() as target:
        await webhook(connections, organization_id, target, "*")
        key_id, _ = await seed.key(connections, organization_id)
        await change_key(connections, organization_id, key_id, DisableKey(at=now()))
        await delete_organization(connections, organization_id)
        await prepare(connections)
        await deliver_webhooks.deliver(connections, HOOKS_CONFIG)
        assert target.received == []
        async with connections.connection() as connection:
            assert (await outbox_state(connection, now())).waiting == 0
            assert await waiting(connection) == []
        await restore_organization(connections, organization_id)
        await deliver_webhooks.deliver(connections, HOOKS_CONFIG)
        assert [each.body["event"] for each in target.received] == ["api_key.created", "api_key.disabled"]


async def test_mcp_servers_are_not_checked_until_the_restoration(connections: Pool, organization_id: str) -> None:
    mcp_id = await seed.mcp(connections, organization_id)

    async def claimed() -> list[str]:
        async with connections.connection() as connection:
            return [each.mcp_id for each in await claim(connection, now() + DAY, HOUR, 1_000)]

    await delete_organization(connections, organization_id)
    assert mcp_id not in await claimed()
    await restore_organization(connections, organization_id)
    assert mcp_id in await claimed()


async def test_mails_are_not_sent_until_the_restoration_except_those_about_the_deletion(
    connections: Pool, organization_id: str
) -> None:
    with mail_server() as server, freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        settings = replace(CONFIG, smtp=Smtp.parse(f"smtp://127.0.0.1:{server.port}", CONFIG.mail_from))
        short = await put_mail(connections, organization_id, HOUR)
        await put_mail(connections, organization_id)
        await delete_organization(connections, organization_id)
        await put_mail(connections, organization_id, is_about_deletion=True)
        await deliver_mail.deliver(connections, settings)
        assert len(server.mailbox.messages) == 1
        clock.tick(2 * HOUR)
        await deliver_mail.deliver(connections, settings)
        async with connections.connection() as connection:
            query = b"select sealed is null and sent_at is null from mail_outbox where mail_id = %s"
            row = await (await connection.execute(query, (short,))).fetchone()
        assert row == (True,), "a mail that is no longer worth sending is erased, not kept"
        await restore_organization(connections, organization_id)
        await deliver_mail.deliver(connections, settings)
        assert len(server.mailbox.messages) == 2


async def test_secrets_and_addresses_are_erased_after_30_days_and_the_log_stays(
    connections: Pool, organization_id: str
) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        other = await seed.organization(connections)
        for each in (organization_id, other):
            await fill(connections, each)
        before = await stored(connections, organization_id)
        assert min(before.values()) > 0
        await delete_organization(connections, organization_id)
        log = await log_of(connections, organization_id)
        clock.tick(30 * DAY - timedelta(microseconds=1))
        await erase(connections)
        assert await stored(connections, organization_id) == before
        clock.tick(timedelta(microseconds=1))
        await asyncio.gather(erase(connections), erase(connections))
        assert set((await stored(connections, organization_id)).values()) == {0}
        assert await stored(connections, other) == before
        *earlier, last = await log_of(connections, organization_id)
        assert earlier == log
        assert last.event == OrganizationErased(erased_at=now())
        assert last.record.origin.actor == SystemActor("organization_erasure")
        with pytest.raises(OrganizationIsErased):
            await restore_organization(connections, organization_id)
        async with connections.connection() as connection:
            assert (await check(connection, INLINE_CHECKS)).violations == []


async def test_a_restored_organization_is_not_erased(connections: Pool, organization_id: str) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        await fill(connections, organization_id)
        before = await stored(connections, organization_id)
        await delete_organization(connections, organization_id)
        await restore_organization(connections, organization_id)
        clock.tick(40 * DAY)
        await erase(connections)
        assert await stored(connections, organization_id) == before


async def test_an_organization_that_cannot_be_erased_does_not_block_others_and_fails_the_run(
    connections: Pool, owner: Connection, organization_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase_organizations, "PAGE", 1)
    others = [await seed.organization(connections) for _ in range(2)]
    for days, each in enumerate((organization_id, *others)):
        await fill(connections, each)
        await delete_organization(connections, each, now() - timedelta(days=40 - days))
    refuse = f"""
        create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
        create trigger refuse before delete or update on users
        for each row when (old.organization_id = '{organization_id}') execute function refuse();
    """
    await owner.execute(refuse.encode())
    with capture_logs() as lines, pytest.raises(ExceptionGroup, match="could not be erased: 1"):
        await erase(connections)
    failed = [line["organization_id"] for line in lines if line["event"] == "organization_erasure_failed"]
    assert failed == [organization_id]
    assert min((await stored(connections, organization_id)).values()) > 0
    for other in others:
        assert set((await stored(connections, other)).values()) == {0}


async def test_a_worker_that_is_killed_has_erased_everything_or_nothing(connections: Pool, proxy: StepProxy) -> None:
    for step in range(1, STEPS_MAX):
        organization_id = await seed.organization(connections)
        await fill(connections, organization_id)
        before = await stored(connections, organization_id)
        await delete_organization(connections, organization_id, now() - 31 * DAY)
        was_killed = await killed_at(proxy, step, "erase_organizations", SETTINGS)
        left = await stored(connections, organization_id)
        is_erased = "organization.erased" in await types_of(connections, organization_id)
        assert left == (dict.fromkeys(SECRET_TABLES, 0) if is_erased else before), step
        await erase(connections)
        assert set((await stored(connections, organization_id)).values()) == {0}
        assert (await types_of(connections, organization_id)).count("organization.erased") == 1
        if not was_killed:
            break
    else:
        pytest.fail("the job was killed in every attempt")
    assert step > STEPS_MIN
