"""A secret that a rotation replaced ends with its overlap, and the log says so soon after."""

from datetime import timedelta

import pytest
from freezegun import freeze_time

from domain.keys.commands import RotateKey
from domain.keys.decider import KEY
from domain.keys.events import KeyRotated, KeySecretRetired
from domain.keys.reach import UNBOUNDED
from domain.keys.secret import ENTROPY_BYTES, Secret, mint, record
from eventstore.clock import now
from eventstore.database import Pool
from tests import seed
from tests.random_input import random_bytes
from tests.workers.story import history, verdict
from workers.due_keys import see_to
from workers.jobs.retire_secrets import RETIREMENT, retire

pytestmark = pytest.mark.anyio

OVERLAP = timedelta(hours=1)


async def rotate(pool: Pool, organization_id: str, key_id: str) -> Secret:
    secret = mint("live", random_bytes(ENTROPY_BYTES))
    command = RotateKey(
        secret=record(secret),
        at=now(),
        authority=UNBOUNDED,
        known_mcps={},
        overlap_seconds=int(OVERLAP.total_seconds()),
    )
    await seed.tell(pool, KEY, key_id, organization_id, command)
    return secret


async def test_a_secret_is_refused_from_the_end_of_its_overlap_and_retired_after_it(connections: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, old = await seed.key(connections, organization_id)
        new = await rotate(connections, organization_id, key_id)
        end = now() + OVERLAP

        clock.move_to(end - timedelta(microseconds=1))
        await retire(connections)
        assert [await verdict(connections, secret, now()) for secret in (old, new)] == ["valid", "valid"]

        clock.move_to(end)
        assert [await verdict(connections, secret, now()) for secret in (old, new)] == ["revoked_key", "valid"]
        assert len(await history(connections, organization_id, key_id)) == 2
        await retire(connections)
        await retire(connections)

        _, rotated, retired = await history(connections, organization_id, key_id)
        assert isinstance(rotated.event, KeyRotated)
        assert retired.event == KeySecretRetired(secret_version=1, retired_at=end)
        assert [await verdict(connections, secret, now()) for secret in (old, new)] == ["revoked_key", "valid"]


async def test_every_overlap_that_is_over_is_seen_to(connections: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        organization_id = await seed.organization(connections)
        key_id, _ = await seed.key(connections, organization_id)
        await rotate(connections, organization_id, key_id)
        clock.tick(OVERLAP / 2)
        await rotate(connections, organization_id, key_id)
        clock.tick(OVERLAP / 2)
        assert await see_to(connections, RETIREMENT) == 1
        clock.tick(OVERLAP / 2)
        assert await see_to(connections, RETIREMENT) == 1
        retired = [
            each.event.secret_version
            for each in await history(connections, organization_id, key_id)
            if isinstance(each.event, KeySecretRetired)
        ]
    assert retired == [1, 2]
