"""A read model is rebuilt while in use, and the new version replaces the live one without interruption."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from psycopg import sql

from eventstore.check import check
from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, connect
from projections.engine.rebuild.errors import AlreadyRunning, ReplayStopped
from projections.engine.rebuild.rebuild import drop_old, rebuild, verify
from projections.engine.rebuild.versions import exclusive_connection
from projections.engine.runner import AsyncProjection, lags, live_version, run_projection
from projections.engine.stopped_lanes import skip
from projections.read_models.usage.apply import USAGE
from projections.registry import ASYNC_PROJECTIONS, INLINE_CHECKS, REBUILDABLE, USAGE_CHECKS
from tests.programs import Program, run_program
from tests.projections.rebuild.history import change, use
from tests.waiting import stretched

pytestmark = pytest.mark.anyio


async def _schemas(connection: Connection) -> list[str]:
    cursor = await connection.execute(
        b"select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)' order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]


async def _total(connection: Connection, schema: str = "public") -> int:
    query = sql.SQL("select coalesce(sum(events), 0)::bigint from {}")
    cursor = await connection.execute(query.format(sql.Identifier(schema, "usage_counts")))
    row = await cursor.fetchone()
    return 0 if row is None else row[0]


@asynccontextmanager
async def _traffic(connections: Pool, database_url: str) -> AsyncGenerator[None]:
    """Write changes and uses, and run the projections, until the block ends; then apply the rest."""
    stop = asyncio.Event()

    async def write() -> None:
        number = 100
        async with await connect(database_url, role=WORKER_ROLE) as connection:
            while not stop.is_set():
                await use(connection, await change(connections, number, keys=1), number, batches=3)
                number += 1

    async def count() -> None:
        async with await connect(database_url, role=WORKER_ROLE) as connection:
            while not stop.is_set():
                for follower in ASYNC_PROJECTIONS:
                    assert (await run_projection(connection, follower, 0.2)).stopped == {}
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(write()), asyncio.create_task(count())]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        async with await connect(database_url, role=WORKER_ROLE) as connection:
            for follower in ASYNC_PROJECTIONS:
                assert (await run_projection(connection, follower, 60)).stopped == {}


async def test_usage_is_replaced_under_traffic_and_continues(
    connections: Pool, connection: Connection, owner: Connection, database_url: str
) -> None:
    await use(connection, await change(connections, 1), 1)
    await run_projection(connection, USAGE, 60)
    async with _traffic(connections, database_url):
        result = await rebuild(database_url, REBUILDABLE["usage"])
        assert (result.comparison.first, result.kept, result.version.number) == (None, "usage_old_1", 2)
        await asyncio.sleep(0.3)
    assert await live_version(connection, USAGE) == 2
    cursor = await connection.execute(b"select count(*) from usage_events")
    assert await cursor.fetchone() == (await _total(connection),)
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations == []
    assert (await verify(database_url, REBUILDABLE["usage"])).equal
    assert await _schemas(connection) == ["usage_old_1"], "kept until it is dropped"
    assert 0 < await _total(owner, "usage_old_1") < await _total(owner)
    assert await drop_old(database_url, REBUILDABLE["usage"]) == ["usage_old_1"]
    assert await _schemas(connection) == []
    again = await rebuild(database_url, REBUILDABLE["usage"])
    assert (again.version.number, again.kept) == (3, "usage_old_2")


async def test_a_new_version_has_the_privileges_and_policies_of_the_old_one(
    connection: Connection, database_url: str, owner: Connection
) -> None:
    query = (
        b"select c.relname, c.relacl::text, c.relrowsecurity, "
        b"array(select p.polname || coalesce(pg_get_expr(p.polqual, p.polrelid), '') from pg_policy p"
        b" where p.polrelid = c.oid order by 1) from pg_class c where c.relnamespace = 'public'::regnamespace"
        b" and c.relkind = 'r' and c.relname = any(%s) order by 1"
    )
    tables = list(REBUILDABLE["usage"].tables)
    before = await (await owner.execute(query, (tables,))).fetchall()
    assert len(before) == len(tables)
    await rebuild(database_url, REBUILDABLE["usage"])
    assert await (await owner.execute(query, (tables,))).fetchall() == before


async def test_differences_are_reported_and_switched_only_if_accepted(
    connection: Connection, owner: Connection, database_url: str
) -> None:
    await use(connection, ["key_a", "key_b"], 1)
    await run_projection(connection, USAGE, 60)
    await owner.execute(b"update key_usage set total_requests = 7")
    refused = await rebuild(database_url, REBUILDABLE["usage"])
    assert (refused.comparison.differences, refused.kept) == (2, None)
    assert "total_requests is '7'" in str(refused.comparison.first)
    assert await _schemas(connection) == [refused.version.schema], "the new version is kept"
    result = await rebuild(database_url, REBUILDABLE["usage"], accept_differences=True)
    assert (result.version, result.kept) == (refused.version, "usage_old_1")
    assert (await verify(database_url, REBUILDABLE["usage"])).equal


async def test_a_killed_rebuild_resumes_at_its_checkpoint(
    connection: Connection, owner: Connection, database_url: str
) -> None:
    await use(connection, [f"key_{number}" for number in range(50)], 1, batches=400, size=50, lanes=40)
    await run_projection(connection, USAGE, 60)
    environment = {"DATABASE_URL": database_url}
    process = Program(["projections", "rebuild", "usage"], {**os.environ, **environment}, Path(os.devnull))
    reached = 0
    deadline = time.monotonic() + stretched(60)
    while reached == 0 and time.monotonic() < deadline and process.poll() is None:
        cursor = await connection.execute(
            b"select coalesce(sum(position), 0)::bigint from checkpoints where place = 'usage_new_2'"
        )
        row = await cursor.fetchone()
        reached = 0 if row is None else row[0]
    process.kill()
    process.wait()
    assert reached > 0
    if await live_version(connection, USAGE) == 1:
        assert await _total(owner, "usage_new_2") > 0
    finished = run_program("projections", "rebuild", "usage", environment=environment)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert (await live_version(connection, USAGE)) >= 2
    assert await _total(connection) == 20_000
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations == []


async def test_only_one_process_works_on_a_read_model(database_url: str) -> None:
    usage = REBUILDABLE["usage"]
    async with exclusive_connection(database_url, usage):
        attempts = (rebuild(database_url, usage), verify(database_url, usage))
        refusals = await asyncio.gather(*attempts, return_exceptions=True)
        assert [type(refusal) for refusal in refusals] == [AlreadyRunning, AlreadyRunning]
        assert (await verify(database_url, REBUILDABLE["key_state"])).equal


async def test_a_rebuild_waits_for_one_that_is_about_to_end(database_url: str) -> None:
    async with anyio.create_task_group() as tasks, exclusive_connection(database_url, REBUILDABLE["usage"]):
        tasks.start_soon(verify, database_url, REBUILDABLE["usage"])
        await anyio.sleep(0.5)


async def test_skipped_positions_are_skipped_again_and_others_stop_the_rebuild(
    connection: Connection, owner: Connection, database_url: str
) -> None:
    await use(connection, ["key_a"], 1, batches=6, lanes=1)
    lane = next(lag.lane for lag in await lags(connection, USAGE) if lag.head)
    await run_projection(connection, USAGE, 60)
    await owner.execute(b"delete from usage_events where batch_no = 3 and ordinal = 0")
    with pytest.raises(ReplayStopped, match=f"usage lane {lane}: .* batches 3 to 3"):
        await verify(database_url, REBUILDABLE["usage"])
    await owner.execute(b"delete from usage_batches where batch_no = 6")
    await owner.execute(b"update lane_heads set head = 6 where log = 'usage' and lane = %s", (lane,))
    await owner.execute(b"update checkpoints set position = 2 where lane = %s and projection = 'usage'", (lane,))
    await owner.execute(b"truncate " + ", ".join(REBUILDABLE["usage"].tables).encode())
    await run_projection(connection, USAGE, 60)
    await skip(connection, "usage", "usage", lane, 3, reason="Lost", by="olga")
    await run_projection(connection, USAGE, 60)
    assert (await rebuild(database_url, REBUILDABLE["usage"], accept_differences=True)).comparison.rows > 0
    assert (await verify(database_url, REBUILDABLE["usage"])).equal
    cursor = await connection.execute(
        b"select position from checkpoints where projection = 'usage' and place = 'public' and lane = %s", (lane,)
    )
    assert await cursor.fetchone() == (5,)


async def test_a_rebuild_triggers_no_effects(connection: Connection, database_url: str) -> None:
    await use(connection, ["key_a"], 1, batches=4)
    effects: list[int] = []

    async def effect(_connection: Connection, page: object) -> None:
        effects.append(len(page))  # type: ignore[arg-type]

    follower = AsyncProjection("usage", 1, "usage", USAGE.read, USAGE.apply, effect)
    await run_projection(connection, follower, 60)
    assert sum(effects) == 4
    model = replace(REBUILDABLE["usage"], projection=follower)
    assert (await rebuild(database_url, model)).kept == "usage_old_1"
    assert (await verify(database_url, model)).equal
    assert sum(effects) == 4
    await use(connection, ["key_a"], 2, batches=3)
    await run_projection(connection, follower, 60)
    assert sum(effects) == 7


@pytest.mark.parametrize(
    "name", ["key_state", "key_list", "organization_guard", "key_recency", "expiry_watch", "key_lineage"]
)
async def test_an_inline_read_model_is_repaired_under_traffic(
    connections: Pool, connection: Connection, owner: Connection, database_url: str, name: str
) -> None:
    await use(connection, await change(connections, 1), 1)
    for follower in ASYNC_PROJECTIONS:
        await run_projection(connection, follower, 60)
    damages = {
        "key_state": b"update key_state set version = 77 where key_id = (select min(key_id) from key_state)",
        "key_list": b"delete from key_terms where key_id = (select min(key_id) from key_list)",
        "organization_guard": b"update organization_guard set keys_active = keys_active + 3",
        "key_recency": b"update key_recency set status = 'expired'",
        "expiry_watch": b"delete from expiry_watch where due_at > now()",
        "key_lineage": b"update key_lineage set manages = array['keys:read']",
    }
    await owner.execute(damages[name])
    async with _traffic(connections, database_url):
        result = await rebuild(database_url, REBUILDABLE[name], accept_differences=True)
        assert result.comparison.differences > 0
        assert result.kept == f"{name}_old_2"
    assert (await verify(database_url, REBUILDABLE[name])).equal
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations == []
    assert await drop_old(database_url, REBUILDABLE[name]) == [result.kept]
