"""A secret replaced by a rotation ends with its overlap, and the retirement is recorded soon after."""

from datetime import timedelta

import pytest
from freezegun import freeze_time
from msgspec import structs

from domain.keys.commands import RotateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.events import KeyRotated, KeySecretRetired
from domain.plans.plan import PLANS
from domain.secret import ENTROPY_BYTES, Secret, fingerprint, generate
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool, open_pipeline
from infrastructure.settings import Settings
from tests import seed
from tests.projections.usage.uses import used
from tests.random_input import random_bytes
from tests.workers.log_view import history, number, verification_code
from workers.due_keys import Worker, process_due
from workers.jobs.retire_secrets import SECRETS_ENDING, SETTLE_AFTER, retire

pytestmark = pytest.mark.anyio

CONFIG = Settings()

OVERLAP = timedelta(hours=1)


async def rotate(
    pool: Pool, organization_id: str, key_id: str, overlap_seconds: int | None = int(OVERLAP.total_seconds())
) -> Secret:
    secret = generate("live", random_bytes(ENTROPY_BYTES))
    command = RotateKey(
        secret=fingerprint(secret),
        at=now(),
        authority=UNRESTRICTED,
        known_mcps={},
        overlap_seconds=overlap_seconds,
    )
    await seed.execute_command(pool, KEY, key_id, organization_id, command)
    return secret


async def test_a_secret_is_refused_from_the_end_of_its_overlap_and_retired_after_it(connections: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, old = await seed.key(connections, organization_id)
        new = await rotate(connections, organization_id, key_id)
        end = now() + OVERLAP

        clock.move_to(end - timedelta(microseconds=1))
        await retire(connections, CONFIG)
        assert [await verification_code(connections, secret, now()) for secret in (old, new)] == ["valid", "valid"]

        clock.move_to(end)
        assert [await verification_code(connections, secret, now()) for secret in (old, new)] == [
            "revoked_key",
            "valid",
        ]
        assert len(await history(connections, organization_id, key_id)) == 2
        await retire(connections, CONFIG)
        await retire(connections, CONFIG)

        _, rotated, retired = await history(connections, organization_id, key_id)
        assert isinstance(rotated.event, KeyRotated)
        assert retired.event == KeySecretRetired(secret_version=1, retired_at=end)
        assert [await verification_code(connections, secret, now()) for secret in (old, new)] == [
            "revoked_key",
            "valid",
        ]


async def test_every_ended_overlap_is_processed(connections: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id)
        await rotate(connections, organization_id, key_id)
        clock.tick(OVERLAP / 2)
        await rotate(connections, organization_id, key_id)
        clock.tick(OVERLAP / 2)
        assert await process_due(Worker(connections, PLANS), SECRETS_ENDING) == 1
        clock.tick(OVERLAP / 2)
        assert await process_due(Worker(connections, PLANS), SECRETS_ENDING) == 1
        retired = [
            each.event.secret_version
            for each in await history(connections, organization_id, key_id)
            if isinstance(each.event, KeySecretRetired)
        ]
    assert retired == [1, 2]


async def test_the_first_use_of_a_new_secret_retires_the_earlier_ones(connections: Pool, database_url: str) -> None:
    organization_id = await seed.organization(connections)
    key_id, old = await seed.key(connections, organization_id)
    new = await rotate(connections, organization_id, key_id, None)
    await retire(connections, CONFIG)
    assert await verification_code(connections, old, now()) == "valid"
    at = now() - SETTLE_AFTER
    use = structs.replace(used(key_id, at, organization_id=organization_id, secret_version=2), ends_previous=True)
    async with await open_pipeline(database_url) as auth:
        await append_once(auth, Batch(new_id("evt"), 1, at, [use]))
    assert [await verification_code(connections, secret, now()) for secret in (old, new)] == ["revoked_key", "valid"]
    await retire(connections, CONFIG)
    await retire(connections, CONFIG)
    *_, retired = await history(connections, organization_id, key_id)
    assert retired.event == KeySecretRetired(secret_version=1, retired_at=at)
    assert len(await history(connections, organization_id, key_id)) == 3
    assert [await verification_code(connections, secret, now()) for secret in (old, new)] == ["revoked_key", "valid"]
    async with connections.connection() as connection:
        assert await number(connection, b"select count(*) from used_secrets") == 0


async def test_a_recent_first_use_does_not_change_the_revision_yet(connections: Pool, database_url: str) -> None:
    organization_id = await seed.organization(connections)
    key_id, old = await seed.key(connections, organization_id)
    await rotate(connections, organization_id, key_id, None)
    at = now()
    use = structs.replace(used(key_id, at, organization_id=organization_id, secret_version=2), ends_previous=True)
    async with await open_pipeline(database_url) as auth:
        await append_once(auth, Batch(new_id("evt"), 1, at, [use]))
    await retire(connections, CONFIG)
    assert len(await history(connections, organization_id, key_id)) == 2
    assert await verification_code(connections, old, now()) == "revoked_key"
