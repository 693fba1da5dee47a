"""The setup of the demo organization: if it is interrupted anywhere, the next run completes it."""

import asyncio
import stat
from base64 import b64encode
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from app.admin.demo import make_demo
from app.admin.demo_plan import unfinished_plan
from app.admin.organizations import create_organization
from domain.plans.plan import PLANS
from domain.secret import fingerprint, parse
from embedded.postgres import PostgreSQL
from infrastructure.database.connections import WORKER_ROLE, connect, pool
from infrastructure.setting import API
from infrastructure.settings import Settings
from projections.commands import commands_on
from tests.databases import new_database
from tests.waiting import GENEROUS_TIMEOUTS
from tests.workers.killed_at_steps import killed_in, step_proxy

pytestmark = pytest.mark.anyio

_MCP_URL = "http://127.0.0.1:9/mcp"
_STRIDE = 4
"""Every transaction of the setup has more statements than this, so each is interrupted."""
_ROWS = {"organization_list": 1, "member_list": 1, "users": 1, "mcp_list": 1, "key_list": 2, "key_state": 2}


def _config(url: str) -> Settings:
    return Settings.from_environment(
        {
            "DATABASE_URL": url,
            "KEYLEDGER_MASTER_KEY": b64encode(bytes(32)).decode(),
            "KEYLEDGER_EGRESS_ALLOW": "127.0.0.0/8",
        },
        API,
    )


def _make(url: str, folder: str) -> None:
    asyncio.run(make_demo(_config(url), Path(folder), _MCP_URL))


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _assert_complete(url: str, folder: Path, expected: dict[str, int] = _ROWS) -> None:
    """Fail unless the credentials belong to existing keys and nothing was created twice."""
    path = folder / "demo.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _names(folder) == ["demo.env"]
    values = dict(line.split("=", 1) for line in path.read_text().splitlines())
    secrets = [parse(values[name]) for name in ("KEYLEDGER_ADMIN_KEY", "DEMO_API_KEY")]
    digests = {fingerprint(secret).digest for secret in secrets if secret}
    async with await connect(url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as connection:
        counts: dict[str, int] = {}
        for table in expected:
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
            row = await (await connection.execute(query)).fetchone()
            counts[table] = row[0] if row else 0
        cursor = await connection.execute(b"select encode(digest, 'hex') from key_secrets")
        known = {row[0] for row in await cursor.fetchall()}
        cursor = await connection.execute(b"select mcp_id from mcp_list")
        mcps = {row[0] for row in await cursor.fetchall()}
    assert counts == expected
    assert len(digests) == 2
    assert digests <= known
    assert values["DEMO_MCP_ID"] in mcps


async def test_a_setup_that_is_killed_in_any_transaction_is_completed_by_the_next_run(
    postgres: PostgreSQL, migrated_template: str, tmp_path: Path
) -> None:
    async def streams_after(step: int) -> int | None:
        """Kill the setup before this step and complete it. Return the streams it had, or None if it had fewer steps."""
        folder = tmp_path / str(step)
        with new_database(postgres, migrated_template) as url:
            async with step_proxy(url) as wire:
                if not await killed_in(wire, step, _make, wire.url, str(folder)):
                    return None
            assert not (folder / "demo.env").exists()
            with psycopg.connect(url) as connection:
                streams = len(connection.execute("select from streams").fetchall())
            await make_demo(_config(url), folder, _MCP_URL)
            await _assert_complete(url, folder)
            return streams

    states: set[int] = set()
    step = 1
    while (streams := await streams_after(step)) is not None:
        states.add(streams)
        step += _STRIDE
    # After the last commit there may be fewer steps than the stride.
    last = [await streams_after(each) for each in range(step - _STRIDE + 1, step)]
    states |= {streams for streams in last if streams is not None}
    assert states == {0, 1, 2, 3, 4, 5}, "the setup was not interrupted after each of its steps"


async def test_a_truncated_plan_file_is_replaced(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "demo.unfinished.json").write_text('{"organization_id": "org_')
    assert unfinished_plan(tmp_path) is None
    await make_demo(_config(database_url), tmp_path, _MCP_URL)
    await _assert_complete(database_url, tmp_path)


async def test_lost_credentials_are_replaced_by_new_keys_of_the_same_organization(
    database_url: str, tmp_path: Path
) -> None:
    """The same happens after an interrupted setup of an earlier release, which stored no plan."""
    for _ in range(2):
        await make_demo(_config(database_url), tmp_path, _MCP_URL)
        (tmp_path / "demo.env").rename(tmp_path.with_name("earlier.env"))
    await make_demo(_config(database_url), tmp_path, _MCP_URL)
    await _assert_complete(database_url, tmp_path, {**_ROWS, "key_list": 6, "key_state": 6})


async def test_an_organization_of_an_operator_with_the_slug_demo_is_not_changed(
    database_url: str, tmp_path: Path
) -> None:
    async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as connections:
        theirs, _ = await create_organization(
            commands_on(connections), PLANS, "Theirs", "demo", "team", "owner@their.example"
        )
    await make_demo(_config(database_url), tmp_path, _MCP_URL)
    await _assert_complete(database_url, tmp_path, {**_ROWS, "organization_list": 2, "member_list": 2, "users": 2})
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select organization_id, slug from organization_list order by slug").fetchall()
        keys = connection.execute("select distinct organization_id from key_list").fetchall()
    assert rows[0] == (theirs, "demo")
    assert rows[1][1].startswith("demo-")
    assert keys == [(rows[1][0],)]
